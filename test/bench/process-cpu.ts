import { readdir, readFile } from 'node:fs/promises';

/** Linux counts in hundredths of a second towards programs, whatever the kernel's own tick is (proc(5), USER_HZ). */
const TICK_MS = 10;

interface Usage {
  pid: number;
  parent: number;
  ms: number;
}

/**
 * CPU that a process and its children used so far, children that ended included, in ms. Undefined where there is no
 * /proc. Kernel work for a socket counts where it was done, often at the peer's end.
 */
export async function cpuOf(pid: number): Promise<number | undefined> {
  const names = await readdir('/proc').catch(() => undefined);
  if (names === undefined) return undefined;
  const all = await Promise.all(names.filter((name) => /^\d+$/.test(name)).map(usage));
  const found = all.filter((one) => one !== undefined);
  return found.filter((one) => one.pid === pid || one.parent === pid).reduce((sum, { ms }) => sum + ms, 0);
}

async function usage(name: string): Promise<Usage | undefined> {
  // A process may end between the two looks.
  const text = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => undefined);
  // The second field, the program's name in brackets, may hold spaces and brackets.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields === undefined) return undefined;
  const number = (at: number): number => Number(fields[at - 3]);
  return { pid: Number(name), parent: number(4), ms: (number(14) + number(15) + number(16) + number(17)) * TICK_MS };
}

/** CPU that the whole machine used so far, in ms: everything but idling and waiting for a disk. */
export async function machineCpu(): Promise<number | undefined> {
  const text = await readFile('/proc/stat', 'latin1').catch(() => undefined);
  const fields = text?.split('\n', 1)[0]?.trim().split(/\s+/).slice(1, 9).map(Number);
  if (fields === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  return (user + nice + system + irq + softirq + steal) * TICK_MS;
}
