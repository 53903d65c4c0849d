import { existsSync, readdirSync, statSync } from 'node:fs';

import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { clusterOf } from '../../src/configuration/cluster.js';
import { parseConfiguration } from '../../src/configuration/load.js';
import { parsePostgresUrl } from '../../src/catalog/url.js';
import { dynamicSettings } from '../../src/embedded/temporal-server.js';
import { defaultMajor, versionOf } from '../../src/toolchain/wheel-pins.js';
import { compose, repositoryFile, type Service } from './compose-file.js';

const services = Object.entries(compose.services);
const service = (name: string): Service => compose.services[name]!;
const dockerfile = repositoryFile('Dockerfile');
const configuration = parseConfiguration(repositoryFile('docker/pgdrill.yaml'), 'docker/pgdrill.yaml');
const shop = clusterOf({ path: 'docker/pgdrill.yaml', configuration, stateDirectory: '' }, 'shop');

/** `from:to[:mode]` of a service's volumes, by the path inside the container. */
const mounts = (name: string): Map<string, string> =>
  new Map((service(name).volumes ?? []).map((volume) => [volume.split(':')[1] ?? '', volume.split(':')[0] ?? '']));

describe('docker-compose.yml', () => {
  it('is what the Compose specification allows', () => {
    const schema = JSON.parse(repositoryFile('test/compose/compose-spec.schema.json')) as Record<string, unknown>;
    // It names JSON Schema's draft 7 by https, which Ajv knows by http.
    schema['$schema'] = 'http://json-schema.org/draft-07/schema#';
    const validate = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(schema);
    const valid = validate(parse(repositoryFile('docker-compose.yml'), { merge: true }));
    expect(validate.errors ?? []).toEqual([]);
    expect(valid).toBe(true);
    // The schema does find mistakes.
    expect(validate({ services: { worker: { image: 'x', enviroment: {} } } })).toBe(false);
  });

  it('has every service that a drill needs', () => {
    expect(services.map(([name]) => name)).toEqual([
      'temporal-db',
      'temporal',
      'temporal-ui',
      'catalog',
      'source',
      'worker',
      'prometheus',
      'grafana',
    ]);
  });

  it.each(services)(
    '%s is pinned, watched, and waits for healthy services only',
    (_, { image, healthcheck, ...rest }) => {
      expect(image).toMatch(/^[a-z0-9/-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?$/);
      expect(healthcheck?.test[0]).toBe('CMD');
      for (const [other, { condition }] of Object.entries(rest.depends_on ?? {})) {
        expect(compose.services).toHaveProperty([other]);
        expect(condition).toBe('service_healthy');
      }
    },
  );

  it.each(services)('%s publishes its ports on loopback only', (_, { ports }) => {
    for (const port of ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  it('gives no two services the same port', () => {
    const ports = services.flatMap(([, { ports: published }]) => published ?? []).map((port) => port.split(':')[1]);
    expect(new Set(ports).size).toBe(ports.length);
    expect(ports).toEqual(expect.arrayContaining(['7233', '8233']));
  });

  it('mounts only files that exist and volumes that are declared, and uses every volume', () => {
    const used = services.flatMap(([, { volumes }]) => volumes ?? []).map((volume) => volume.split(':')[0] ?? '');
    for (const source of used) {
      if (source.startsWith('./')) expect(existsSync(new URL(`../../${source}`, import.meta.url)), source).toBe(true);
      else expect(compose.volumes).toHaveProperty([source]);
    }
    expect(new Set(used.filter((source) => !source.startsWith('./')))).toEqual(new Set(Object.keys(compose.volumes)));
  });
});

describe('temporal', () => {
  it('has the dynamic settings of the embedded server, by a file that it reads', () => {
    const { volumes = [], environment } = service('temporal');
    expect(volumes).toEqual([
      `./docker/temporal/dynamic-config.yaml:/etc/temporal/${environment?.['DYNAMIC_CONFIG_FILE_PATH']}:ro`,
    ]);
    const file = parse(repositoryFile('docker/temporal/dynamic-config.yaml')) as Record<string, [{ value: unknown }]>;
    expect(Object.fromEntries(Object.entries(file).map(([name, [{ value }]]) => [name, value]))).toEqual(
      dynamicSettings,
    );
  });
});

describe('secrets', () => {
  it('have no value in the file: each comes from a variable that .env.example names, empty', () => {
    const example = repositoryFile('.env.example').match(/^[A-Z_]+=.*$/gm) ?? [];
    const named = Object.values(compose.secrets).map(({ environment }) => environment);
    expect(new Set(example)).toEqual(new Set(named.map((name) => `${name}=`)));
    const interpolated = [...repositoryFile('docker-compose.yml').matchAll(/\$\{([^}]*)\}/g)].map(
      ([, inner]) => inner ?? '',
    );
    for (const variable of interpolated) {
      expect(variable).toMatch(/^[A-Z_]+:\?./);
      expect(named).toContain(variable.split(':?')[0]);
    }
  });

  it.each(services)('%s is given no literal password', (_, { environment, secrets }) => {
    for (const [name, value] of Object.entries(environment ?? {})) {
      if (!/PASS|PWD|SECRET|TOKEN/.test(name) || name === 'PGPASSFILE') continue;
      expect(value).toMatch(/^(\/run\/secrets\/|\$\{[A-Z_]+:\?)/);
      if (value.startsWith('/run/secrets/')) expect(secrets).toContain(value.slice('/run/secrets/'.length));
    }
    for (const secret of secrets ?? []) expect(compose.secrets).toHaveProperty([secret]);
  });

  it('stay out of the image: its build context is named file by file', () => {
    const [first, ...allowed] = repositoryFile('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(first).toBe('*');
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(
      ([, files]) => files?.split(' ') ?? [],
    );
    expect(new Set(allowed)).toEqual(new Set(copied.map((file) => `!${file}`)));
  });
});

describe('every environment variable is one that its program knows', () => {
  // As the images' own documentation names them.
  const images: Record<string, string[]> = {
    postgres: ['POSTGRES_USER', 'POSTGRES_PASSWORD_FILE', 'POSTGRES_DB', 'POSTGRES_INITDB_ARGS'],
    'temporalio/auto-setup': [
      'DB',
      'DB_PORT',
      'POSTGRES_SEEDS',
      'POSTGRES_USER',
      'POSTGRES_PWD',
      'DEFAULT_NAMESPACE',
      'DEFAULT_NAMESPACE_RETENTION',
      'DYNAMIC_CONFIG_FILE_PATH',
    ],
    'grafana/grafana': [
      'GF_SECURITY_ADMIN_PASSWORD__FILE',
      'GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH',
      'GF_ANALYTICS_REPORTING_ENABLED',
      'GF_ANALYTICS_CHECK_FOR_UPDATES',
    ],
    'prom/prometheus': [],
    'temporalio/ui': ['TEMPORAL_ADDRESS', 'TEMPORAL_CORS_ORIGINS'],
  };

  it.each(services.filter(([name]) => name !== 'worker'))('%s', (_, { image, environment }) => {
    expect(images[image.split(':')[0]!]).toEqual(expect.arrayContaining(Object.keys(environment ?? {})));
  });

  it('worker', () => {
    const known = [
      ...sources('src', '.ts'),
      ...sources('node_modules/@temporalio/envconfig/lib', '.js'),
      ...sources('node_modules/pgpass/lib', '.js'),
    ].join('\n');
    const names = [
      ...Object.keys(service('worker').environment ?? {}),
      ...[...dockerfile.matchAll(/\b(PGDRILL_[A-Z_]+)=/g)].map(([, name]) => name!),
    ];
    expect(names).toEqual(
      expect.arrayContaining(['PGDRILL_CONFIG', 'PGPASSFILE', 'TEMPORAL_ADDRESS', 'PGDRILL_PG_BIN']),
    );
    for (const name of names) expect(known, name).toMatch(new RegExp(`\\b${name}\\b`));
  });
});

describe('the containers and the code agree on', () => {
  it('the PostgreSQL version: the one that the toolchain pins', () => {
    for (const name of ['temporal-db', 'catalog', 'source']) {
      expect(service(name).image).toBe(`postgres:${versionOf(defaultMajor)}-bookworm`);
    }
    expect(service('worker').build?.args?.['POSTGRES_MAJOR']).toBe(String(defaultMajor));
    expect(dockerfile).toContain(`ARG POSTGRES_MAJOR=${defaultMajor}`);
  });

  it('the Debian release, so that source and sandboxes sort text alike', () => {
    expect([...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)).toEqual([
      expect.stringMatching(/^node:20\.\d+\.\d+-bookworm-slim$/),
      expect.stringMatching(/^node:20\.\d+\.\d+-bookworm-slim$/),
    ]);
  });

  it('the locale of the databases, without which a sandbox refuses connections', () => {
    // The official postgres image makes its databases with LANG=en_US.utf8.
    expect(dockerfile).toContain("echo 'en_US.UTF-8 UTF-8' >> /etc/locale.gen");
    expect(dockerfile).toContain('ENV LANG=en_US.utf8');
  });

  it('where the configuration, the repository and the sandboxes lie', () => {
    const worker = mounts('worker');
    expect(worker.get(service('worker').environment?.['PGDRILL_CONFIG'] ?? '')).toBe('./docker/pgdrill.yaml');
    const repositories = [...worker].find(([, volume]) => volume === 'repository')?.[0] ?? 'nowhere';
    expect(shop.repository.startsWith(`${repositories}/`)).toBe(true);
    expect(worker.get(configuration.state_directory ?? '')).toBe('state');
    expect(mounts('source').get(repositories)).toBe('repository');
    for (const directory of worker.keys()) {
      if (directory.startsWith('/var/lib')) expect(dockerfile).toContain(` ${directory}`);
    }
  });

  it('where the WAL archive lies', () => {
    const setting = /^basic_archive\.archive_directory = '(.*)'$/m.exec(
      repositoryFile('docker/source/postgresql.conf'),
    );
    expect(setting?.[1]).toBe(shop.walDirectory);
    expect(repositoryFile('docker/source/entrypoint.sh')).toContain(` ${shop.walDirectory}\n`);
  });

  it('who connects where, with a line in the passfile for each', () => {
    const catalog = parsePostgresUrl(configuration.catalog.url ?? '');
    const { POSTGRES_USER: user, POSTGRES_DB: dbname } = service('catalog').environment ?? {};
    expect(catalog).toEqual({ host: 'catalog', port: '5432', user, dbname });
    expect(shop.connection).toEqual({
      host: 'source',
      port: '5432',
      user: 'pgdrill',
      dbname: service('source').environment?.['POSTGRES_DB'],
    });
    const entrypoint = repositoryFile('docker/worker/entrypoint.sh');
    expect(entrypoint).toContain('\nsource:5432:*:pgdrill:');
    expect(entrypoint).toContain('\ncatalog:5432:pgdrill:pgdrill:');
    for (const [, secret] of entrypoint.matchAll(/\$\(secret (\w+)\)/g)) {
      expect(service('worker').secrets).toContain(secret);
    }
  });

  it('how to reach Temporal, and the task queue that health is judged by', () => {
    const { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace } = service('worker').environment ?? {};
    expect(address).toBe('temporal:7233');
    expect(namespace).toBe(service('temporal').environment?.['DEFAULT_NAMESPACE']);
    expect(service('temporal-ui').environment?.['TEMPORAL_ADDRESS']).toBe(address);
    expect(configuration.temporal.task_queue).toBe('pgdrill');
    expect(service('worker').healthcheck?.test.at(-1)).toBe('/app/docker/worker/health.mjs');
    expect(repositoryFile('docker/worker/health.mjs')).toContain('configuration.temporal.task_queue');
  });

  it('where Prometheus scrapes, and what Grafana reads', () => {
    const { scrape_configs: jobs, rule_files: rules } = parse(repositoryFile('docker/prometheus/prometheus.yml')) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
      rule_files: string[];
    };
    const { host, port, temporal_port: temporalPort } = configuration.metrics ?? {};
    expect(host).toBe('0.0.0.0');
    expect(jobs.flatMap((job) => job.static_configs.flatMap(({ targets }) => targets))).toEqual([
      `worker:${port}`,
      `worker:${temporalPort}`,
    ]);
    for (const file of rules) expect(mounts('prometheus').has(`/etc/prometheus/${file}`)).toBe(true);
    const { datasources } = parse(repositoryFile('docker/grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: { url: string }[];
    };
    expect(datasources.map(({ url }) => url)).toEqual([
      `http://prometheus:${service('prometheus').ports?.[0]?.split(':').at(-1)}`,
    ]);
    const { providers } = parse(repositoryFile('docker/grafana/provisioning/dashboards/pgdrill.yml')) as {
      providers: { options: { path: string } }[];
    };
    const folder = providers[0]?.options.path ?? '';
    expect(mounts('grafana').get(folder)).toBe('./docker/grafana/dashboards');
    expect(service('grafana').environment?.['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']).toBe(
      `${folder}/pgdrill.json`,
    );
  });

  it('what runs in the worker', () => {
    const { bin } = JSON.parse(repositoryFile('package.json')) as { bin: { pgdrill: string } };
    expect(dockerfile).toContain(`/app/${bin.pgdrill} /usr/local/bin/pgdrill`);
    expect(dockerfile).toContain('CMD ["node", "dist/workers/worker.js"]');
    expect(dockerfile).toMatch(/^USER postgres$/m);
  });
});

/** The text of every file below a folder of the checkout whose name ends so. */
function sources(folder: string, extension: string): string[] {
  const directory = new URL(`../../${folder}/`, import.meta.url);
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension) && statSync(new URL(name, directory)).isFile())
    .map((name) => repositoryFile(`${folder}/${name}`));
}
