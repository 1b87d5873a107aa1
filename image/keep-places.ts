import { readFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * Makes modules that are bundled into one program look things up from where their sources stand, relative to the program:
 * `new URL('./preview-thread.ts', import.meta.url)` in workers/message/preview.ts stays a file of workers/message.
 *
 * In a bundle `import.meta` is the program's. So `import.meta.url` becomes the module's own place, the name of a program
 * beside it ends in `.js`, and `import.meta.main` stays true for the program alone. A module that asks for anything else
 * of `import.meta` fails the build.
 *
 * @param program absolute path of the program's source
 */
export function keepPlaces(program: string): Plugin {
  return {
    name: 'keep-places',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const source = await readFile(path, 'utf8');
        const foreign = source.match(/import\.meta\b(?!\.(url|main)\b)/);
        if (foreign !== null) {
          return { errors: [{ text: 'import.meta has only url and main in a bundle', location: { file: path } }] };
        }
        const place = relative(dirname(program), path);
        const contents = source
          .replace(/\.ts(['`],\s*import\.meta\.url)/g, '.js$1')
          .replaceAll('import.meta.url', `new URL('${place}', import.meta.url).href`)
          .replaceAll('import.meta.main', path === program ? 'import.meta.main' : 'false');
        return { contents, loader: 'ts' };
      });
    },
  };
}
