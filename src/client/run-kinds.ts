/** A visibility query for the runs that people start or schedule. The janitor's are left out: one every few minutes would hide the others. */
export const ourRuns =
  "WorkflowType in ('backup', 'drill', 'recover', 'extract', 'sabotageDrill', 'streamWal', 'verifyRepository', 'applyRetention', 'consolidate')";
