import type { WorkflowHandle } from '@temporalio/client';

/** A run's history as text to look for secrets in. Its payloads are there in the clear: in Temporal's JSON they are base64, in which nothing is found. */
export async function historyText(handle: Pick<WorkflowHandle, 'fetchHistory'>): Promise<string> {
  const text = JSON.stringify(await handle.fetchHistory());
  const payloads = [...text.matchAll(/"data":"([A-Za-z0-9+/=]+)"/g)].map(([, data = '']) =>
    Buffer.from(data, 'base64').toString(),
  );
  return [text, ...payloads].join('\n');
}
