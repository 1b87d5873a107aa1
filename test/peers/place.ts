import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { freePort, untilListening } from './free-port.ts';

/** Where a peer runs: on this machine's loopback, or in another network. */
export interface Place {
  /** What it listens on and sends from. */
  address: string;
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess;
  /** A port of the address that nobody listens on. */
  freePort(): Promise<number>;
  /** Resolves when something listens on the port; rejects when nothing does for so long, or when `ended` says so. */
  untilListening(port: number, ms: number, ended: () => boolean): Promise<void>;
}

export const loopback: Place = { address: '127.0.0.1', spawn, freePort, untilListening };
