/** What holds for every command, for the pages that are made of the command tree. */
export const exitCodeMeanings = [
  ['0', 'done, or passed'],
  ['1', 'failed: a difference was found, a step failed for good, or something needs you'],
  ['2', 'unproven: something could not be checked, or a gate was rejected'],
  ['64', 'the command line or a target was not understood; nothing was started'],
  ['69', 'a server (PostgreSQL or Temporal) cannot be reached, or refuses'],
  ['78', 'the configuration is missing or wrong'],
  ['130', 'Ctrl-C was pressed twice; what runs in Temporal goes on'],
] as const;

export const environment = [
  ['PGDRILL_CONFIG', 'the configuration file'],
  ['PGDRILL_STATE', 'the directory for what is kept between runs; wins over state_directory in the configuration'],
  ['PGDRILL_CACHE', 'where PostgreSQL and Temporal are installed, where the host has none'],
  ['PGDRILL_PG_BIN', 'the directory of the PostgreSQL programs to use'],
  ['PGDRILL_TEMPORAL', 'the temporal program to use for the embedded server'],
  ['PGDRILL_OS_USER', 'whose PostgreSQL’s processes are, when pgdrill runs as root (default: postgres, else nobody)'],
  ['PGDRILL_CATALOG_URL', 'the catalog database, where the configuration names none'],
  [
    'TEMPORAL_ADDRESS',
    'the Temporal server; other TEMPORAL_… variables and TOML profiles as with all Temporal clients',
  ],
  ['PGPASSFILE, PGSERVICEFILE', 'where libpq finds passwords and services; a password in the configuration is refused'],
  ['NO_COLOR', 'no colours, also on a terminal'],
] as const;
