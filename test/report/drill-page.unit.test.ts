import { describe, expect, it } from 'vitest';

import { escapeHtml, html } from '../../src/report/html/markup.js';
import { renderDrillPage } from '../../src/report/html/drill-page.js';
import { type Evidence, evidenceSchema } from '../../src/schema/evidence.js';
import type { WorstRpo } from '../../src/schema/results.js';
import { sampleEvidence } from './sample-evidence.js';

const evil = `<script>alert(1)</script><img src=x onerror=alert(2)>"'&`;

/** Every text of the evidence that may hold anything, replaced. */
function poison(value: unknown, key = ''): unknown {
  const fixed = /^(type|status|level|decision|gate|verdict|kind|name|cluster|.*At|since|until|.*[lL]sn|sha256)$/;
  if (Array.isArray(value)) return value.map((each) => poison(each, key));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, poison(each, name)]));
  return typeof value === 'string' && !fixed.test(key) ? evil : value;
}

describe('the page of a drill', () => {
  it('holds what the evidence holds, with a text for every picture', async () => {
    const text = await renderDrillPage(sampleEvidence());
    for (const wanted of [
      'passed',
      'All 5 checks passed.',
      '94.1 s',
      'objective 15m',
      '20261123T020000Z-full',
      'ann',
      'monthly drill',
      'alter system set vacuum_truncate = off;',
      'shop.public.sessions',
      '0/5A001F28',
      'longest-chain',
      'No transaction in the archived WAL of shop',
      '61.2 s',
      '000000010000000000000042',
    ])
      expect(text).toContain(wanted);
    expect(text).toContain(escapeHtml(`pgdrill drill shop --target 'lsn=0/5A001F28'`));
    const pictures = text.match(/<svg[^>]*>/g) ?? [];
    expect(pictures).toHaveLength(4);
    for (const picture of pictures) expect(picture).toMatch(/role="img" aria-label="[^"]{20,}"/);
  });

  it('tells what was compared at a fence on the way from what was only checked behind it', async () => {
    const sample = sampleEvidence();
    const { lsn } = sample.fence!;
    const text = await renderDrillPage({
      ...sample,
      fenceOf: 'drill-0',
      beyond: { fromLsn: lsn, toLsn: '0/5B000000', bytes: 16_000_000 },
      checks: sample.checks.map((check, index) => ({
        ...check,
        ...(index === 0 && { at: lsn, problems: [{ object: 'o', detail: 'd' }], moreProblems: 7 }),
      })),
    });
    for (const wanted of [
      `${sample.checks[0]!.name} at ${lsn}`,
      'recorded by drill <code>drill-0</code>',
      '16.0 MB of WAL, up to <code>0/5B000000</code>: replayed and checked, not compared',
      'and 7 more, in problems-at-fence.json',
    ])
      expect(text.replaceAll(/\s+/g, ' ')).toContain(wanted);
  });

  it('says beside the verdict what the word means, and holds the RPO objective to the figure that was judged', async () => {
    const { rpo } = sampleEvidence();
    const page = await renderDrillPage(sampleEvidence({ verdict: 'unproven' }));
    expect(page).toContain('it says neither that the backup is good nor that it is bad');
    const cardOf = (text: string, name: string): string =>
      new RegExp(`<span class="muted">${name}</span>[\\s\\S]*?</div>`).exec(text)![0];
    expect(cardOf(page, 'Worst RPO')).toContain('objective 1s');
    expect(cardOf(page, 'RPO')).not.toContain('objective');
    const unknown = { ...rpo!.worst!, seconds: undefined, unknown: 'the archive was copied' };
    const without = await renderDrillPage(sampleEvidence({ rpo: { ...rpo!, worst: unknown } }));
    expect(cardOf(without, 'RPO')).toContain('objective 1s');
  });

  it('says where the worst RPO is known from', async () => {
    const sample = sampleEvidence();
    const pageOf = async (worst: Partial<WorstRpo>): Promise<string> => {
      const { since, until } = sample.rpo!.worst!;
      const text = await renderDrillPage({
        ...sample,
        rpo: { ...sample.rpo!, worst: { since, until, segments: 3, ...worst } },
      });
      return text.replaceAll(/\s+/g, ' ');
    };
    expect(await pageOf({ seconds: 9 })).toMatch(
      /by the arrival of 3 segments\. It was at the simulated failure itself\./,
    );
    expect(await pageOf({ seconds: 2, byStream: true })).toMatch(
      /by the record of the stream\. The stream was never further behind\./,
    );
    expect(await pageOf({ unknown: 'nobody keeps it' })).toContain('Not known: nobody keeps it.');
  });

  it('needs neither script nor network', async () => {
    const text = await renderDrillPage(sampleEvidence());
    expect(text).not.toMatch(/<script|javascript:|\son\w+=|@import|url\((?!#)/i);
    expect(text.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:\/\//);
  });

  it('shows markup in the evidence as text, wherever it stands', async () => {
    const problems = [{ object: 'shop.public.t', detail: 'differs' }];
    const sample = sampleEvidence();
    const poisoned = poison({
      ...sample,
      checks: [{ ...sample.checks[0]!, name: evil, status: 'failed', problems, figures: { [evil]: evil } }],
      findings: [{ name: evil, level: 'error', message: '', fix: '' }],
      estimate: { seconds: 1, restores: 0, basis: '', phases: [], actualSeconds: 2, ratio: 2 },
    });
    const evidence: Evidence = evidenceSchema.parse(poisoned);
    const text = await renderDrillPage(evidence);
    expect(text).not.toContain('<script');
    expect(text).not.toContain('<img');
    expect(text.split(escapeHtml(evil)).length).toBeGreaterThan(20);
  });

  it('names everybody who answered at a gate, and with which key', async () => {
    const evidence = sampleEvidence();
    const at = '2026-11-24T02:02:00.000Z';
    evidence.approvals[0]!.answers = [
      { did: 'approved', by: 'ada', reason: 'position is right', at, key: 'SHA256:abc' },
      { did: 'extended', by: 'grace', reason: '', at },
    ];
    const text = (await renderDrillPage(evidence)).replaceAll(/\s+/g, ' ');
    expect(text).toMatch(
      /ada approved at [^<]*(<[^>]*>)*[^<]*(<[^>]*>)*: position is right, signed with <code>SHA256:abc<\/code>/,
    );
    expect(text).toMatch(/grace extended at .*?: no reason given/);
  });

  it('of a drill that ended before anything says so in every section', async () => {
    const rest = sampleEvidence();
    delete rest.target;
    delete rest.fence;
    delete rest.rpo;
    delete rest.replay;
    const text = await renderDrillPage({
      ...rest,
      verdict: 'unproven',
      reasons: ['checkArchive: it does not answer.'],
      chain: [],
      checks: [],
      notCompared: [],
      approvals: [],
      findings: [],
      objectives: [],
      clock: { phases: [], waitedForHumansSeconds: 0 },
    });
    for (const wanted of [
      'No phase was completed',
      'No chain was chosen',
      'There was no replay',
      'No check was made',
      'Nothing was compared at all',
      'nobody was asked',
      'not known',
    ])
      expect(text).toContain(wanted);
  });
});

it('values in a template are escaped, markup is not escaped twice', () => {
  expect(html`<p title="${'"'}">${'<'}${html`<b>${'&'}</b>`}${[html`1`, '>']}${undefined}</p>`.text).toBe(
    '<p title="&quot;">&lt;<b>&amp;</b>1&gt;</p>',
  );
});
