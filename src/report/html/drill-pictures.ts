import { lsnDistanceBytes } from '../../postgres/lsn.js';
import { bytes, seconds } from '../../schema/figures.js';
import type { Evidence } from '../../schema/evidence.js';
import { curvePicture, figure, spansPicture } from './charts.js';
import { html, type Markup } from './markup.js';
import { inTheirOrder, placeOnClock } from './timeline-spans.js';

/**
 * The phases of a restore and the waits for humans between them, at the times at which they were. Evidence of earlier pgdrills knows only how
 * long phases took: there they follow each other, and what went by between them is a bar of its own.
 */
export async function timeline(evidence: Evidence): Promise<Markup> {
  const { clock, approvals } = evidence;
  const placed = placeOnClock(clock.phases, approvals);
  const spans = placed?.spans ?? inTheirOrder(clock);
  if (spans.length === 0) return html`<p>No phase was completed.</p>`;
  const told = spans.map(({ name, label }) => `${name} ${label}`).join(', ');
  const cut = placed?.cut === true ? ' A wait that is longer than all else is drawn shorter than it was.' : '';
  return await figure(
    spansPicture(spans, `${placed === undefined ? 'Phases in their order' : 'What happened when'}: ${told}.${cut}`),
  );
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
        xName: (value) => `${value.toFixed(last.seconds < 1 ? 2 : last.seconds < 5 ? 1 : 0)} s`,
        yName: (value) => bytes(Math.round(value)),
      },
      `WAL replayed since the server first answered: from ${first.lsn} to ${last.lsn}, ${bytes(whole)} in ${seconds(last.seconds)} (${bytes(Math.round(whole / last.seconds))} a second on average), ${samples.length} samples.`,
    ),
  );
}
