import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SegmentName, Store } from './store.ts';

const HEAD = Buffer.from('head ');

/** What every store must do; `open` gives a fresh, empty one and takes it away after the test. */
export function storeConformance(name: string, open: (run: (store: Store) => Promise<void>) => Promise<void>): void {
  const conforms = (what: string, run: (store: Store) => Promise<void>): void => {
    test(`${name}: ${what}`, () => open(run));
  };
  const read = async (store: Store, segment: SegmentName | undefined): Promise<string> => {
    assert.ok(segment, 'the segment is listed');
    const reader = await store.openSegment(segment);
    try {
      return (await reader.read(0, segment.bytes)).toString();
    } finally {
      await reader.close();
    }
  };

  conforms('what is committed is listed and read back', async (store) => {
    const segment = await store.createSegment('w1', 1, HEAD);
    await segment.commit([Buffer.from('one '), Buffer.from('two ')]);
    await segment.commit([Buffer.from('three')]);
    await segment.close();
    const [listed] = await store.listSegments();
    assert.deepEqual(listed, { writer: 'w1', path: segment.path, bytes: 18, kind: 'group', sequence: 1 });
    assert.equal(await read(store, listed), 'head one two three');
  });

  conforms('more parts than one system call takes are all written, in order', async (store) => {
    const segment = await store.createSegment('w1', 1, HEAD);
    const parts = Array.from({ length: 3_000 }, (_, i) => Buffer.from(`${i},`));
    await segment.commit(parts);
    await segment.close();
    const [listed] = await store.listSegments();
    assert.equal(await read(store, listed), `head ${parts.join('')}`);
  });

  conforms('a segment is created once', async (store) => {
    await (await store.createSegment('w1', 1, HEAD)).close();
    await assert.rejects(store.createSegment('w1', 1, HEAD));
    await (await store.createSegment('w2', 1, HEAD)).close();
    assert.deepEqual((await store.writers()).sort(), ['w1', 'w2']);
    const ofOne = await store.listSegments(['w2', 'unknown']);
    assert.deepEqual(
      ofOne.map((segment) => segment.writer),
      ['w2'],
    );
  });

  conforms('a large segment shows only when it is finished, with its head in place', async (store) => {
    const large = await store.createLarge('w1');
    await large.write([Buffer.from('....')]);
    await large.write([Buffer.from('body'), Buffer.from(' end')]);
    assert.deepEqual(await store.listSegments(), []);
    await large.finish(Buffer.from('HEAD'), 7);
    const [listed] = await store.listSegments();
    assert.equal(listed?.kind === 'large' && listed.record, 7);
    assert.equal(await read(store, listed), 'HEADbody end');
  });

  conforms('a discarded large segment leaves nothing', async (store) => {
    const large = await store.createLarge('w1');
    await large.write([Buffer.from('body')]);
    await large.discard();
    assert.deepEqual(await store.listSegments(), []);
    assert.equal(await store.removeUnfinished('w1'), 0);
  });

  conforms('unfinished large segments are removed by writer', async (store) => {
    const mine = await store.createLarge('w1');
    await mine.write([Buffer.from('x')]);
    const other = await store.createLarge('w2');
    await other.write([Buffer.from('....other')]);
    assert.equal(await store.removeUnfinished('w1'), 1);
    await other.finish(Buffer.from('HEAD'), 1);
    assert.equal((await store.listSegments()).length, 1);
    await assert.rejects(mine.finish(Buffer.from('x'), 1), 'a removed one cannot be finished');
  });

  conforms('a note is created once and never changed', async (store) => {
    assert.equal(await store.readNote('torn/a.json'), undefined);
    assert.deepEqual(await store.listNotes('torn/'), []);
    assert.equal(await store.createNote('torn/a.json', 'first'), true);
    assert.equal(await store.createNote('torn/a.json', 'second'), false);
    assert.equal(await store.readNote('torn/a.json'), 'first');
    assert.deepEqual(await store.listNotes('torn/'), ['torn/a.json']);
  });

  conforms('of two who create one note at once, one wins', async (store) => {
    const won = await Promise.all(['a', 'b', 'c'].map((text) => store.createNote('identity.json', text)));
    assert.equal(won.filter(Boolean).length, 1);
    assert.equal(await store.readNote('identity.json'), ['a', 'b', 'c'][won.indexOf(true)]);
  });

  conforms('a mark is replaced as a whole', async (store) => {
    await (await store.createSegment('w1', 1, HEAD)).close();
    assert.equal(await store.readMark('w1'), undefined);
    await store.writeMark('w1', 'a long first mark');
    await store.writeMark('w1', 'short');
    assert.equal(await store.readMark('w1'), 'short');
  });

  conforms('reading past the end gives what there is', async (store) => {
    const segment = await store.createSegment('w1', 1, HEAD);
    await segment.commit([Buffer.from('short')]);
    await segment.close();
    const [listed] = await store.listSegments();
    assert.ok(listed);
    const reader = await store.openSegment(listed);
    assert.equal((await reader.read(8, 100)).toString(), 'rt');
    assert.equal((await reader.read(100, 100)).length, 0);
    await reader.close();
  });
}
