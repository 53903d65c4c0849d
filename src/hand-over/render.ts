import { bytes, count } from '../schema/figures.js';
import type { HandOver } from '../schema/hand-over.js';

/** The hand-over sheet as Markdown: for a file, a ticket, a terminal. */
export function renderHandOver(cluster: string, sheet: HandOver): string {
  const sections = [
    `# Hand-over: ${cluster}, recovered to ${sheet.target}`,
    where(sheet),
    point(sheet),
    settings(sheet),
    caveats(sheet),
    steps(sheet),
  ];
  return `${sections.join('\n\n')}\n`;
}

function where(sheet: HandOver): string {
  const databases = sheet.seen?.databases ?? [];
  return [
    '## Where it is',
    '',
    `- Data directory: \`${sheet.dataDirectory}\`, of the operating-system user \`${sheet.osUser}\`, PostgreSQL ${sheet.serverVersion}. It is stopped.`,
    ...(sheet.tablespaces === undefined ? [] : [`- Tablespaces: \`${sheet.tablespaces}\``]),
    ...(databases.length === 0
      ? []
      : [`- Databases: ${databases.map(({ name, sizeBytes }) => `${name} (${bytes(sizeBytes)})`).join(', ')}`]),
    ...sheet.settings.problems.map((problem) => `- **${problem}**`),
    '',
    'Start it:',
    '',
    code([sheet.start]),
    '',
    'Connect, on this host:',
    '',
    code([sheet.connect]),
  ].join('\n');
}

function point({ reachedLsn, timeline, lastCommitAt, leftOut }: HandOver): string {
  return [
    '## What it holds, and what is lost',
    '',
    `- Replayed up to ${reachedLsn}; it goes on as timeline ${timeline}.`,
    lastCommitAt === undefined
      ? '- Replay met no commit: it holds what the backup held.'
      : `- The last commit that it holds was made at ${lastCommitAt}. Everything later is not in it.`,
    leftOut === undefined
      ? '- The WAL archive holds nothing beyond. What the source committed later and did not archive is lost, unless its disk still has it.'
      : `- Left out on purpose, and still in the archive: ${leftOut.from} to ${leftOut.to}${leftOut.lastCommitAt === undefined ? '' : `, with commits up to ${leftOut.lastCommitAt}`}. A later target restores more of it.`,
  ].join('\n');
}

function settings({ settings: { mode, overrides, compared } }: HandOver): string {
  const differing = compared.filter(({ source, now }) => source !== undefined && now !== undefined && source !== now);
  const others = compared.filter(({ now }) => now !== undefined && now !== '');
  return [
    '## Settings',
    '',
    mode === 'production'
      ? 'It starts with the source’s own settings, except:'
      : 'It starts with the settings of a sandbox: on a Unix socket alone, archiving nothing, following nobody.',
    ...(overrides.length === 0 ? [] : ['']),
    ...overrides.map(({ name, value, why }) => `- \`${name} = '${value}'\`, because ${why}.`),
    ...(differing.length === 0
      ? []
      : [
          '',
          '| setting | the source, when it was backed up | now |',
          '| --- | --- | --- |',
          ...differing.map(({ name, source, now }) => `| ${name} | ${cell(source)} | ${cell(now)} |`),
        ]),
    '',
    `Now: ${others.map(({ name, now }) => `${name} \`${now ?? ''}\``).join(', ')}.`,
  ].join('\n');
}

function cell(value: string | undefined): string {
  return value === undefined || value === '' ? '(empty)' : `\`${value.replaceAll('|', '\\|')}\``;
}

function caveats({ seen }: HandOver): string {
  const unlogged = seen?.unlogged;
  return [
    '## What no restore brings back',
    '',
    unlogged === undefined
      ? '- Unlogged tables are empty.'
      : unlogged.count === 0
        ? '- There are no unlogged tables, which would have come back empty.'
        : `- ${count(unlogged.count)} unlogged ${unlogged.count === 1 ? 'table is' : 'tables are'} empty: ${unlogged.first.join(', ')}${unlogged.count > unlogged.first.length ? ', …' : ''}.`,
    '- Sequences may have run ahead by up to 32 values (or their cache): gaps, never a number twice.',
    '- The cumulative statistics (pg_stat_…) begin anew.',
    '- Whatever lies outside the database cluster: files that tables refer to, cron jobs, certificates, the configuration of poolers.',
  ].join('\n');
}

function steps({ nextSteps }: HandOver): string {
  return [
    '## Next steps',
    ...nextSteps.flatMap(({ title, why, commands }, index) => [
      '',
      `### ${index + 1}. ${title}`,
      '',
      why,
      ...(commands.length === 0 ? [] : ['', code(commands)]),
    ]),
  ].join('\n');
}

function code(commands: readonly string[]): string {
  return `\`\`\`sh\n${commands.join('\n')}\n\`\`\``;
}
