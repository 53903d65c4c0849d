import { lsnDistanceBytes } from '../../postgres/lsn.js';
import { bytes, seconds } from '../../schema/figures.js';
import type { Evidence } from '../../schema/evidence.js';
import { curvePicture, figure, type Span, spansPicture } from './charts.js';
import { html, type Markup } from './markup.js';

/** The phases of a restore after each other. Evidence knows how long each took; what went by between them is its own bar. */
export async function timeline({ clock }: Evidence): Promise<Markup> {
  const spans: Span[] = [];
  let from = 0;
  const add = (name: string, value: number, color: string): void => {
    spans.push({ name, from, seconds: value, label: seconds(value), color });
    from += value;
  };
  const restore = clock.phases.filter(({ name }) => name !== 'validate');
  for (const { name, seconds: value } of restore) add(name, value, 'var(--accent)');
  if (clock.otherSeconds !== undefined) add('between', clock.otherSeconds, 'var(--muted)');
  for (const { name, seconds: value } of clock.phases.filter(({ name }) => name === 'validate'))
    add(name, value, 'var(--second)');
  if (spans.length === 0) return html`<p>No phase was completed.</p>`;
  const told = spans.map(({ name, label }) => `${name} ${label}`).join(', ');
  return await figure(spansPicture(spans, `Phases in their order: ${told}.`));
}

/** From the full backup to where recovery stopped. A list that is drawn as a row of boxes: it reads aloud as it is. */
export function chainPicture({ chain, replay, target }: Evidence): Markup {
  if (chain.length === 0) return html`<p>No chain was chosen.</p>`;
  const last = chain.at(-1);
  return html`<ol class="chain" aria-label="The chain, from the full backup to the target">
    ${chain.map(
      ({ id, type, startLsn, endLsn, sizeBytes }) =>
        html`<li class="${type}">
          <strong>${type}</strong> <span class="muted">${bytes(sizeBytes)}</span><br /><code>${id}</code><br />
          <span class="small muted">${startLsn} to ${endLsn}</span>
        </li>`,
    )}
    ${
      replay === undefined
        ? undefined
        : html`<li class="wal">
            <strong>WAL</strong> <span class="muted">${bytes(replay.replayedBytes)} replayed</span><br />
            <span class="small muted">${last?.startLsn} to ${replay.reachedLsn}</span>
          </li>`
    }
    ${
      target === undefined
        ? undefined
        : html`<li class="end">
            <strong>target</strong> <code>${target.requested}</code><br />
            <span class="small muted">${target.lsn ?? 'no LSN known beforehand'}, timeline ${target.timeline}</span>
          </li>`
    }
  </ol>`;
}

/** LSN over time. Its zero is the first sample: WAL that was replayed before the server answered is not in the curve. */
export async function replayCurve({ replay }: Evidence): Promise<Markup> {
  if (replay === undefined) return html`<p>There was no replay.</p>`;
  const samples = replay.samples ?? [];
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.seconds === 0) {
    return html`<p class="muted">
      ${
        samples.length === 0
          ? 'No samples of the replay were kept.'
          : `Replay was at ${first?.lsn ?? ''} when the server first answered: too short for a curve.`
      }
    </p>`;
  }
  const whole = lsnDistanceBytes(first.lsn, last.lsn);
  return await figure(
    curvePicture(
      [
        {
          name: 'replayed',
          color: 'var(--accent)',
          points: samples.map(({ seconds: at, lsn }) => [at, lsnDistanceBytes(first.lsn, lsn)]),
        },
      ],
      {
        x: 'value',
        xName: (value) => `${value.toFixed(last.seconds < 5 ? 1 : 0)} s`,
        yName: (value) => bytes(Math.round(value)),
      },
      `WAL replayed since the server first answered: from ${first.lsn} to ${last.lsn}, ${bytes(whole)} in ${seconds(last.seconds)} (${bytes(Math.round(whole / last.seconds))} a second on average), ${samples.length} samples.`,
    ),
  );
}
