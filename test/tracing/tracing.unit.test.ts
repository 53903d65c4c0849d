import { expect, it } from 'vitest';

import { clusterAttribute, resultAttributes } from '../../src/tracing/result-attributes.js';
import { idsOfRun } from '../../src/tracing/span-ids.js';
import { tracesWanted } from '../../src/tracing/wanted.js';

it.each([
  [{}, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' }, true],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_SDK_DISABLED: 'true' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_TRACES_EXPORTER: 'none' }, false],
])('traces are sent only where the environment asks for them: %j', (env, wanted) => {
  expect(tracesWanted(env)).toBe(wanted);
});

it('the ids of a run are valid, and the same in every worker', () => {
  const run = '01a221f8-aaaa-7bbb-8ccc-0123456789ab';
  expect(idsOfRun(run)).toEqual(idsOfRun(run));
  expect(idsOfRun(run)).toMatchObject({ traceId: '01a221f8aaaa7bbb8ccc0123456789ab' });
  for (const { traceId, spanId } of [idsOfRun(run), idsOfRun('no UUID')])
    expect(`${traceId} ${spanId}`).toMatch(/^[0-9a-f]{32} [0-9a-f]{16}$/);
});

it('of a result only numbers, the verdict and the phases are told', () => {
  const result = {
    ...{ sizeBytes: 5, unsafe: false, verdict: 'passed', path: '/somewhere', password: 'p', nested: { port: 1 } },
    phases: [{ name: 'fetch', seconds: 1.5, bytes: 7 }],
  };
  expect(resultAttributes(result)).toEqual({
    'pgdrill.sizeBytes': 5,
    'pgdrill.unsafe': false,
    'pgdrill.verdict': 'passed',
    'pgdrill.phase.fetch.seconds': 1.5,
    'pgdrill.phase.fetch.bytes': 7,
  });
  expect(resultAttributes('text')).toEqual({});
  expect(clusterAttribute({ cluster: 'shop' })).toEqual({ 'pgdrill.cluster': 'shop' });
  expect(clusterAttribute({ cluster: { connection: 'x' } })).toEqual({});
});
