import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';

import { freePort } from '../support/scratch.js';

/** A real Prometheus with the configuration and the rules of docker/prometheus. */
export interface PrometheusServer {
  /** Asks its HTTP API. @returns what stands in `data`. */
  ask: <T>(path: string) => Promise<T>;
  stop: () => Promise<void>;
}

/**
 * Starts it, with other addresses than the containers', and looking every second.
 *
 * @param targets by the address that the configuration has.
 */
export async function startPrometheus(
  executable: string,
  directory: string,
  targets: Record<string, string>,
): Promise<PrometheusServer> {
  const committed = await readFile('docker/prometheus/prometheus.yml', 'utf8');
  const adapted = Object.entries(targets).reduce(
    (text, [from, to]) => text.replace(from, to),
    committed.replaceAll('_interval: 15s', '_interval: 1s').replace('scrape_timeout: 10s', 'scrape_timeout: 1s'),
  );
  const config = join(directory, 'prometheus.yml');
  await writeFile(config, adapted);
  await writeFile(join(directory, 'alerts.yml'), await readFile('docker/prometheus/alerts.yml'));
  const address = `127.0.0.1:${await freePort()}`;
  const server = execa(
    executable,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'tsdb')}`,
      `--web.listen-address=${address}`,
      '--log.level=error',
    ],
    { reject: false, stdio: 'ignore' },
  );
  return {
    ask: async <T>(path: string) => {
      const response = await fetch(`http://${address}/api/v1/${path}`);
      return ((await response.json()) as { data: T }).data;
    },
    stop: async () => {
      server.kill('SIGTERM');
      await server;
    },
  };
}
