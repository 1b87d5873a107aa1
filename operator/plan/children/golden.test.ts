import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { GATEWAY_SCENES, objectsOf } from '../../../test/gateway-scenes.ts';

const FOLDER = join(import.meta.dirname, 'golden');
/** `MAILHOLD_UPDATE_GOLDEN=yes node --test operator/plan/children/golden.test.ts` writes the files anew. */
const UPDATE = process.env.MAILHOLD_UPDATE_GOLDEN === 'yes';

for (const scene of GATEWAY_SCENES) {
  test(`the objects of the gateway ${scene.name} are those of its golden file`, async () => {
    const path = join(FOLDER, `${scene.name}.yaml`);
    const text = objectsOf(scene)
      .map((object) => stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 }))
      .join('---\n');
    if (UPDATE) await writeFile(path, text);
    assert.equal(await readFile(path, 'utf8'), text);
  });
}

test('no golden file is left over', async () => {
  const wanted = GATEWAY_SCENES.map(({ name }) => `${name}.yaml`);
  assert.deepEqual((await readdir(FOLDER)).toSorted(), wanted.toSorted());
});
