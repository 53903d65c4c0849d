/** What a signature is for, signed with the content: one that the same key made for another purpose (Git, a file) does not count here. */
export const signatureNamespace = 'pgdrill-evidence';
