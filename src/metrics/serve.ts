import { createServer, type Server } from 'node:http';

import { messageOf, UnreachableError } from '../errors.js';
import type { Exposition } from './exposition.js';

/**
 * Serves `GET /metrics` for Prometheus.
 *
 * @returns the server; close it to stop.
 * @throws UnreachableError when the port is taken or not allowed.
 */
export async function serveMetrics(
  exposition: Pick<Exposition, 'text' | 'contentType'>,
  { host, port }: { host: string; port: number },
): Promise<Server> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (request.method !== 'GET' || pathname !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('pgdrill: GET /metrics\n');
      return;
    }
    exposition.text().then(
      (text) => response.writeHead(200, { 'content-type': exposition.contentType }).end(text),
      (error: unknown) => response.writeHead(500, { 'content-type': 'text/plain' }).end(`${messageOf(error)}\n`),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  }).catch((error: unknown) => {
    throw new UnreachableError(
      {
        what: `Metrics cannot be served at ${host}:${port}: ${messageOf(error)}`,
        means: 'Prometheus would see nothing of this host.',
        todo: 'Choose another metrics.port in the configuration, or end what uses this one.',
      },
      { cause: error },
    );
  });
  return server;
}
