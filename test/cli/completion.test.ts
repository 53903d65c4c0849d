import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { main } from '../support/programs.js';
import { makeScratch, removeScratch } from '../support/scratch.js';

let scratch: string;

beforeAll(async () => {
  scratch = await makeScratch();
  await mkdir(join(scratch, 'bin'));
  await mkdir(join(scratch, 'reports'));
  const program = join(scratch, 'bin', 'pgdrill');
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  await chmod(program, 0o755);
});
afterAll(() => removeScratch(scratch));

/** What each shell completes a line to, by its own machinery; a word a line on standard output. */
const shells = {
  bash: `
    source <(pgdrill completion bash)
    # The words as readline gives them: = is one of its own.
    read -ra COMP_WORDS <<<"\${1//=/ = }"
    [[ $1 == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    _pgdrill
    printf '%s\\n' "\${COMPREPLY[@]}"`,
  // On a terminal of its own: TAB means something to its line editor only. compadd is what every completion ends in.
  zsh: `
    pgdrill completion zsh > _pgdrill
    zmodload zsh/zpty
    zpty shell zsh -f -i
    zpty -w shell 'fpath=($PWD $fpath); autoload -Uz compinit && compinit -u -D; compadd() {
      local -a hits
      [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]] || { builtin compadd -A hits "$@"; print -rl -- $hits >> offered; }
      builtin compadd "$@"
    }; PS1=">REA""DY>"'
    zpty -r shell seen '*>READY>*'
    zpty -w -n shell "$1"$'\\t'
    zpty -w -n shell $'\\x15'
    zpty -w shell 'print DO""NE'
    zpty -r shell seen '*DONE*'
    cat offered 2> /dev/null; rm -f offered`,
  fish: `
    pgdrill completion fish | source
    complete -C $argv[1] | cut -f1`,
};

describe.each(Object.entries(shells))('%s', (shell, script) => {
  const completes = async (line: string): Promise<string[]> => {
    const options = { bash: ['--norc'], zsh: ['-f'], fish: ['--no-config'] }[shell] ?? [];
    const behind = shell === 'fish' ? [line] : [shell, line];
    const { stdout } = await execa(shell, [...options, '-c', script, ...behind], {
      cwd: scratch,
      timeout: 60_000,
      env: {
        PATH: `${join(scratch, 'bin')}:${process.env['PATH'] ?? ''}`,
        HOME: scratch,
        PGDRILL_CONFIG: '/nowhere.yaml',
        TERM: 'xterm',
      },
    });
    return stdout.split('\n').filter((each) => each !== '');
  };

  test('completes commands, options, their values and paths, with what pgdrill says', async ({ skip }) => {
    if ((await execa(shell, ['--version'], { reject: false })).failed) skip(`${shell} is not installed here`);
    const lines = ['pgdrill ret', 'pgdrill retention ', 'pgdrill drill shop --gat', 'pgdrill backup shop --type '];
    const words: string[][] = [];
    // The last has nothing that it could look up: no noise.
    for (const line of [...lines, 'pgdrill status ']) words.push((await completes(line)).sort());
    expect(words).toEqual([
      ['retarget', 'retention'],
      ['apply', 'help', 'plan', 'undo'],
      ['--gate', '--gate-timeout'],
      ['differential', 'full', 'incremental'],
      [],
    ]);
    // bash completes behind the =, the others the whole word.
    expect((await completes('pgdrill backup shop --type=in'))[0]).toMatch(/^(--type=)?incremental$/);
    // The shell's own: a script cannot see what bash's would be.
    const paths = [await completes('pgdrill report --out repo'), await completes('pgdrill report --out=repo')];
    if (shell === 'bash') expect(paths).toEqual([[], []]);
    else for (const found of paths) expect(found).toEqual([expect.stringMatching(/^(--out=)?reports\/?$/)]);
  });
});
