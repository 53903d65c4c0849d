import { chmod, chown, copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';

import { serverUser } from '../../src/process/server-user.js';
import { main } from '../support/programs.js';

/** A repository host: nothing but a network lies between it and the source. */
export interface RepositoryHost {
  /** Its own address, and the one under which it reaches the source. */
  address: string;
  sourceAddress: string;
  /** In its home, which is closed to the source's user. */
  directory: string;
  /** Where both can put what is brought from one to the other. */
  brought: string;
  /** Before the arguments of a program: runs it there, as the user there. */
  through: readonly string[];
  remove: () => Promise<void>;
}

/**
 * As root: a network namespace and a user of its own. Where either cannot be had, the source is reached over another address of the loopback,
 * or it is the same user in another home.
 */
export async function makeRepositoryHost(): Promise<RepositoryHost> {
  const outer = await mkdtemp('/dev/shm/pgdt-');
  const home = join(outer, 'home');
  const [directory, brought] = [join(home, 'guide'), join(outer, 'brought')];
  await chmod(outer, 0o755);
  await mkdir(brought);
  await chmod(brought, 0o777);
  await mkdir(directory, { recursive: true });
  const isRoot = serverUser() !== undefined;
  const network = (isRoot ? await makeNamespace() : undefined) ?? loopback();
  if (isRoot) for (const path of [home, directory]) await chown(path, nobody, nobody);
  await chmod(home, 0o700);
  return {
    ...{ address: network.address, sourceAddress: network.sourceAddress, directory, brought },
    through: [...network.through, ...(isRoot ? asNobody : []), 'env', `HOME=${home}`],
    remove: async () => {
      await network.remove();
      await rm(outer, { recursive: true });
    },
  };
}

type Network = Pick<RepositoryHost, 'address' | 'sourceAddress' | 'through' | 'remove'>;

function loopback(): Network {
  const remove = (): Promise<void> => Promise.resolve();
  return { address: '127.0.0.1', sourceAddress: `127.${randomOctet()}.${randomOctet()}.1`, through: [], remove };
}

/** @returns undefined where root may not make one, as in most containers. */
async function makeNamespace(): Promise<Network | undefined> {
  const [name, here, there] = [`pgdt-${process.pid}`, `pgdt${process.pid}a`, `pgdt${process.pid}b`];
  const net = `10.${randomOctet()}.${randomOctet()}`;
  const [sourceAddress, address] = [`${net}.1`, `${net}.2`];
  const ip = async (...args: readonly string[]): Promise<void> => {
    await execa('ip', args);
  };
  const remove = (): Promise<void> => ip('netns', 'del', name);
  try {
    await ip('netns', 'add', name);
  } catch {
    return undefined;
  }
  try {
    await ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', name);
    await ip('addr', 'add', `${sourceAddress}/30`, 'dev', here);
    await ip('link', 'set', here, 'up');
    await ip('-n', name, 'addr', 'add', `${address}/30`, 'dev', there);
    for (const device of ['lo', there]) await ip('-n', name, 'link', 'set', device, 'up');
    return { address, sourceAddress, through: ['ip', 'netns', 'exec', name], remove };
  } catch {
    await remove();
    return undefined;
  }
}

const nobody = 65534;
const asNobody = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];

/** Whether this checkout can be run by somebody else than root; one in root's home cannot. */
export async function opensToAll(): Promise<boolean> {
  if (serverUser() === undefined) return true;
  const { exitCode } = await execa(asNobody[0]!, [...asNobody.slice(1), 'test', '-r', main], { reject: false });
  return exitCode === 0;
}

const randomOctet = (): number => 1 + Math.floor(Math.random() * 254);

/** A certificate for an address, signed by itself. @returns settings for the server that it was given to. */
export async function certify(
  dataDirectory: string,
  address: string,
  authority: string,
): Promise<Record<string, string>> {
  const [key, certificate] = [join(dataDirectory, 'server.key'), join(dataDirectory, 'server.crt')];
  const name = ['-subj', '/CN=source', '-addext', `subjectAltName=IP:${address}`];
  await execa('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    ...name,
    '-keyout',
    key,
    '-out',
    certificate,
  ]);
  await copyFile(certificate, authority);
  await chmod(authority, 0o644);
  const user = serverUser();
  if (user !== undefined) for (const path of [key, certificate]) await chown(path, user.uid, user.gid);
  await chmod(key, 0o600);
  return { ssl: 'on' };
}
