import { describe, expect, it } from 'vitest';

import { debianPackageOf, missingLibraries } from '../../src/toolchain/loader-failure.js';

describe('a missing system library', () => {
  it('is read from the message of glibc’s loader', () => {
    const message =
      '/cache/bin/postgres: error while loading shared libraries: libxml2.so.2: cannot open shared object file: No such file or directory';
    expect(missingLibraries(message)).toEqual(['libxml2.so.2']);
  });

  it('is read from ldd, which names all of them, each once', () => {
    const output = [
      '\tlinux-vdso.so.1 (0x00007ffc)',
      '\tlibzstd.so.1 => not found',
      '\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)',
      '\tlibgssapi_krb5.so.2 => not found',
      '\tlibzstd.so.1 => not found',
    ].join('\n');
    expect(missingLibraries(output)).toEqual(['libzstd.so.1', 'libgssapi_krb5.so.2']);
  });

  it('is not seen in a failure of another kind', () => {
    expect(missingLibraries("libc.so.6: version `GLIBC_2.38' not found (required by postgres)")).toEqual([]);
  });

  it('is named with the Debian package to install, where pgdrill knows it', () => {
    expect(['libxml2.so.2', 'libgssapi_krb5.so.2', 'libcrypto.so.3', 'libicuuc.so.72'].map(debianPackageOf)).toEqual([
      'libxml2',
      'libgssapi-krb5-2',
      'libssl3',
      'libicu72',
    ]);
    expect(debianPackageOf('libunheardof.so.1')).toBeUndefined();
  });
});
