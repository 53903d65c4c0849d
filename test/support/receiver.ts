import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  path: string;
  headers: Record<string, string | string[] | undefined>;
  body: unknown;
}

/** A real HTTP server that takes webhooks, on loopback. */
export interface Receiver {
  /** Its address, without a path. */
  url: string;
  /** What it has taken, in this order. */
  taken: Received[];
  /** Requests that it did not take. */
  refused: Received[];
  /** The next requests are answered with these; after that, all with 200. */
  answerWith: (...statuses: number[]) => void;
  close: () => Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const [taken, refused]: [Received[], Received[]] = [[], []];
  const statuses: number[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const received = {
        path: request.url ?? '',
        headers: request.headers,
        body: JSON.parse(Buffer.concat(chunks).toString()) as unknown,
      };
      const status = statuses.shift() ?? 200;
      (status < 300 ? taken : refused).push(received);
      response.writeHead(status, status === 302 ? { location: 'http://127.0.0.1:9/elsewhere' } : {}).end('thanks');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken,
    refused,
    answerWith: (...next) => void statuses.push(...next),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
