/** Items by key, of which the first in order is found at once. All changes take a time of log(n). */
export interface Heap<K, V> {
  readonly size: number;
  get(key: K): V | undefined;
  /** Puts the item in, or anew where its key is there already. */
  set(key: K, item: V): void;
  delete(key: K): boolean;
  /** The first in order; it stays. */
  readonly first: V | undefined;
}

/**
 * A binary heap that knows where each key is, so that an item can be moved or taken out from the middle and no stale
 * ones are left behind.
 *
 * @param isBefore a strict order
 */
export function createHeap<K, V>(keyOf: (item: V) => K, isBefore: (a: V, b: V) => boolean): Heap<K, V> {
  const items: V[] = [];
  const places = new Map<K, number>();

  const put = (place: number, item: V): void => {
    items[place] = item;
    places.set(keyOf(item), place);
  };
  const rise = (from: number, item: V): number => {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || !isBefore(item, parent)) break;
      put(place, parent);
      place = above;
    }
    return place;
  };
  const sink = (from: number, item: V): number => {
    let place = from;
    for (;;) {
      const left = items[2 * place + 1];
      const right = items[2 * place + 2];
      const rightIsFirst = left !== undefined && right !== undefined && isBefore(right, left);
      const child = rightIsFirst ? right : left;
      if (child === undefined || !isBefore(child, item)) return place;
      put(place, child);
      place = 2 * place + (rightIsFirst ? 2 : 1);
    }
  };
  const settle = (place: number, item: V): void => put(sink(rise(place, item), item), item);

  return {
    get size() {
      return items.length;
    },
    get: (key) => {
      const place = places.get(key);
      return place === undefined ? undefined : items[place];
    },
    set: (key, item) => settle(places.get(key) ?? items.length, item),
    delete: (key) => {
      const place = places.get(key);
      const last = items.at(-1);
      if (place === undefined || last === undefined) return false;
      places.delete(key);
      items.pop();
      // The last one takes the free place, unless it was itself the one.
      if (place < items.length) settle(place, last);
      return true;
    },
    get first() {
      return items[0];
    },
  };
}
