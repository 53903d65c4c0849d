import { ensurePostgres } from '../src/toolchain/postgres.js';
import { loadsNamed } from './guard-noise/loads.js';
import { type LinkMeasured, measureGuard } from './guard-noise/measure.js';
import { openScratch } from './scratch/servers.js';

// Usage: guard-noise [17|18] [LINKS] [LOAD]. How often the guard against PostgreSQL's incremental faults calls an incremental unsafe under ordinary
// load and under one that truncates, why, and how often it was right (docs/postgresql-incremental-faults.md, "How often it fires").

const major = process.argv[2] === '18' ? 18 : 17;
const links = Number(process.argv[3] ?? 8);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const servers = await openScratch(await ensurePostgres({ progress: say, major }));
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    void servers.remove().finally(() => process.exit(name === 'SIGINT' ? 130 : 143));
  });
}

function report(measured: readonly LinkMeasured[]): void {
  const unsafe = measured.filter(({ reasons }) => reasons.length > 0);
  const wrong = measured.filter((link) => link.wrong.length > 0);
  const count = (some: readonly LinkMeasured[], of: string): void => say(`  ${String(some.length).padStart(3)} ${of}`);
  count(measured, 'incrementals');
  count(
    measured.filter(({ truncated }) => truncated > 0),
    'with a table cut off since the parent',
  );
  count(unsafe, 'judged unsafe');
  count(
    unsafe.filter((link) => link.wrong.length > 0),
    'of these restored wrong by stock tools',
  );
  count(
    wrong.filter(({ reasons }) => reasons.length === 0),
    'restored wrong though judged safe',
  );
}

try {
  say(`PostgreSQL ${servers.tools.version}, data checksums on, autovacuum at its keenest, backups under load.`);
  let missed = false;
  for (const load of loadsNamed(process.argv[4])) {
    say(`\n${load.name}: ${load.description}`);
    const measured = await measureGuard(servers, load, {
      links,
      secondsBetween: 5,
      onLink: ({ truncated, reasons, wrong }) => {
        say(`  ${truncated} cut; ${reasons.length === 0 ? 'safe' : `UNSAFE: ${reasons.join(' ')}`}`);
        if (wrong.length > 0) say(`    restored wrong: ${wrong.join(', ')}`);
      },
    });
    report(measured);
    missed ||= measured.some(({ reasons, wrong }) => reasons.length === 0 && wrong.length > 0);
  }
  process.exitCode = missed ? 1 : 0;
} finally {
  await servers.remove();
}
