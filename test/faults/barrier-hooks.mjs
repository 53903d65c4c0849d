// Module hooks: each module named here is replaced by one that exports the same, with barriers around the functions listed.
const runtime = new URL('./barrier-runtime.mjs', import.meta.url).href;

/** Path below dist → its functions that get a barrier before and after. */
const guarded = {
  'activities/into-catalog.js': ['intoCatalog'],
  'src/doctor/archiver.js': ['proveArchiving'],
  'src/files/durable.js': ['treeSizeBytes'],
  'src/postgres/basebackup.js': ['runBaseBackup'],
  'src/postgres/combinebackup.js': ['combineBackups'],
  'src/postgres/instance.js': ['launchInstance', 'stopInstance', 'waitUntilReady'],
  'src/postgres/verifybackup.js': ['verifyBackup'],
  'src/proof/structure/structure.js': ['checkStructure'],
  'src/proof/fence/take-fence.js': ['takeFence'],
  'src/restore/resolve-target.js': ['resolveTarget'],
  'src/retention/trash.js': ['toTrash'],
};

/** Path below dist → functions that the runtime wraps in a way of its own. */
const special = {
  'activities/step.js': { step: 'guardStep' },
  'src/process/run-tool.js': { runTool: 'guardTool' },
};

export async function load(url, context, nextLoad) {
  const path = /\/dist\/(.+\.js)$/.exec(url)?.[1];
  const functions = guarded[path];
  const own = special[path];
  if (functions === undefined && own === undefined) return await nextLoad(url, context);
  const lines = [
    `import * as real from ${JSON.stringify(`${url}?unguarded`)};`,
    `import * as runtime from ${JSON.stringify(runtime)};`,
    `export * from ${JSON.stringify(`${url}?unguarded`)};`,
    ...(functions ?? []).map((name) => `export const ${name} = runtime.guard('${name}', real.${name});`),
    ...Object.entries(own ?? {}).map(([name, how]) => `export const ${name} = runtime.${how}(real.${name});`),
  ];
  return { format: 'module', shortCircuit: true, source: lines.join('\n') };
}
