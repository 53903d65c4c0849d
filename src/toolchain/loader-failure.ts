import { execa } from 'execa';

/** Debian's package for each library that the installed PostgreSQL takes from the system. */
const debianPackages: Record<string, string> = {
  'libxml2.so.2': 'libxml2',
  'libgssapi_krb5.so.2': 'libgssapi-krb5-2',
  'libkrb5.so.3': 'libkrb5-3',
  'libk5crypto.so.3': 'libk5crypto3',
  'libcom_err.so.2': 'libcom-err2',
  'libkeyutils.so.1': 'libkeyutils1',
  'liblz4.so.1': 'liblz4-1',
  'libzstd.so.1': 'libzstd1',
  'libz.so.1': 'zlib1g',
  'liblzma.so.5': 'liblzma5',
  'libssl.so.3': 'libssl3',
  'libcrypto.so.3': 'libssl3',
  'libldap-2.5.so.0': 'libldap-2.5-0',
  'libreadline.so.8': 'libreadline8',
  'libtinfo.so.6': 'libtinfo6',
  'libxslt.so.1': 'libxslt1.1',
  'libuuid.so.1': 'libuuid1',
};

/** @returns Debian's package for a library, or undefined where pgdrill does not know it. */
export function debianPackageOf(library: string): string | undefined {
  const icu = /^libicu\w+\.so\.(\d+)$/.exec(library)?.[1];
  return icu === undefined ? debianPackages[library] : `libicu${icu}`;
}

/**
 * Reads the libraries that are missing out of what the dynamic loader (glibc's, musl's, macOS's) or `ldd` says.
 *
 * @returns library names, each once; empty where the text speaks of something else.
 */
export function missingLibraries(text: string): string[] {
  const found = new Set<string>();
  for (const pattern of [
    /error while loading shared libraries: (\S+): cannot open shared object file/g,
    /^\s*(\S+\.so\S*) => not found/gm,
    /Error loading shared library (\S+): No such file/g,
    /Library not loaded: (\S+)/g,
  ]) {
    for (const [, library] of text.matchAll(pattern)) if (library !== undefined) found.add(library);
  }
  return [...found];
}

/** All libraries that a program misses. The loader names only the first; `ldd`, where there is one, all of them. */
export async function librariesMissingFrom(program: string, loaderMessage: string): Promise<string[]> {
  const { stdout } = await execa('ldd', [program], { reject: false });
  return missingLibraries(`${loaderMessage}\n${typeof stdout === 'string' ? stdout : ''}`);
}
