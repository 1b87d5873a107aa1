import type { SecureContext } from 'node:tls';
import { timestamp } from '../process/clock.ts';
import type { Configuration } from '../process/configuration.ts';
import type { Fault, ReceiverConnection, ReceiverGroup } from '../process/contract.ts';
import { toFaultError } from '../process/fault-error.ts';
import type { Worker, WorkerContext } from '../process/worker.ts';
import { rememberHandshakes } from './handshakes.ts';
import { createHiddenPeers } from './hidden-peers.ts';
import { createLimits } from './limits.ts';
import { createConnections, type Listener } from './listener.ts';
import { registerMetrics } from './metrics.ts';
import { runSelfTest } from './self-test.ts';
import { isSelfTest } from './self-test-token.ts';
import { createSelfTests, defaultSelfTestTimes, type SelfTestTimes } from './self-tests.ts';
import { buildServed, type Served } from './served.ts';
import { defaultTimeouts, SWEEP_MS, type Timeouts } from './timeouts.ts';
import { buildSecureContext } from './tls-context.ts';

/** What tests set otherwise. */
export interface ReceiverOptions {
  timeouts?: Partial<Timeouts>;
  sweepMs?: number;
  selfTests?: Partial<SelfTestTimes>;
  /** After this long a port that could not be had is tried again. */
  listenRetryMs?: number;
}

export interface Receiver extends Worker<ReceiverGroup, ReceiverConnection> {
  /** The port that it listens on, where it does. */
  readonly port: number | undefined;
  /** Sessions open now. */
  readonly sessions: number;
}

/** The SMTP side of a gateway: one listener, all SMTP connections. */
export function createReceiver(
  { clock, logger, registry, board, log }: WorkerContext,
  first: ReceiverGroup,
  options: ReceiverOptions = {},
): Receiver {
  let group = first;
  let served: Served = buildServed(first, [], board, undefined, () => undefined);
  let secureContext: SecureContext | undefined;
  let certificate: string | undefined;
  let listener: Listener | undefined;
  let listening: string | undefined;
  let listenTimer: NodeJS.Timeout | undefined;
  let stopped = false;
  const faults: Partial<Record<'listen' | 'certificate' | 'ranges', Fault | undefined>> = {};
  const ending = new AbortController();

  const limits = createLimits(() => served.limits);
  const metrics = registerMetrics(
    registry,
    () => served.byUid.values(),
    () => limits.sessions,
  );
  const handshakes = rememberHandshakes(clock, (failedHandshakes) => {
    metrics.handshakeFailed();
    board.updateGroup({ failedHandshakes });
  });
  const hiddenPeers = createHiddenPeers(clock, (seen) => {
    metrics.hiddenPeer();
    board.updateGroup({ hiddenPeers: seen });
  });
  const connections = createConnections({
    services: {
      clock,
      logger,
      log,
      limits,
      handshakes,
      timeouts: { ...defaultTimeouts, ...options.timeouts },
      served: () => served,
      tlsUsable: () => secureContext !== undefined,
      isSelfTest: (helo) => isSelfTest(helo, group.selfTest.key, group.hostName, clock),
      unknownRecipient: (peer) => {
        metrics.unknownRecipient();
        const { count } = board.group.unknownRecipients;
        board.updateGroup({ unknownRecipients: { count: count + 1, lastAt: timestamp(clock), lastPeer: peer } });
      },
      namedRecipient: hiddenPeers.named,
      refused: metrics.refused,
      acknowledged: metrics.acknowledged,
    },
    secureContext: () => secureContext,
    sweepMs: options.sweepMs ?? SWEEP_MS,
  });
  const selfTests = createSelfTests({
    clock,
    times: { ...defaultSelfTestTimes, ...options.selfTests },
    run: async (uid, trigger, emit, signal) => {
      const entry = served.byUid.get(uid)?.entry;
      if (entry === undefined) return undefined;
      const { hostName, journalDomain, certificate, selfTest } = group;
      // Port 0 asks for any free port, in tests.
      const dial = { address: selfTest.dial.address, port: selfTest.dial.port || (listener?.port ?? 0) };
      const target = { dial, hostName, journalDomain, certificate, key: selfTest.key };
      return runSelfTest({
        target,
        entry,
        trigger,
        clock,
        emit: (stage) => {
          metrics.stage(stage);
          emit(stage);
        },
        signal,
      });
    },
    onAttempt: (uid, attempt) => board.get(uid)?.attempted(attempt),
    signal: ending.signal,
  });

  /** What keeps the whole group from working, worst first. */
  const judge = (): void => {
    const fault = faults.listen ?? faults.certificate ?? log.fault ?? faults.ranges;
    board.setFault(fault);
    const ready = listener !== undefined && secureContext !== undefined && log.fault === undefined && !stopped;
    if (ready !== board.group.ready) board.updateGroup({ ready });
  };
  log.onChange(judge);

  const useCertificate = (): boolean => {
    const wanted = JSON.stringify([group.certificate, group.selfTest.key]);
    if (wanted === certificate) return false;
    certificate = wanted;
    try {
      secureContext = buildSecureContext(group.certificate, group.selfTest.key);
      faults.certificate = undefined;
    } catch (error) {
      // The one before goes on being used: an expired certificate still takes more mail than none.
      faults.certificate = toFaultError(error).toFault();
    }
    return true;
  };

  const useRanges = (): void => {
    try {
      hiddenPeers.follow(group.hiddenPeerRanges);
      faults.ranges = undefined;
    } catch (error) {
      // No reason to refuse mail: they decide what is shown, and nothing that is taken.
      faults.ranges = toFaultError(error).toFault();
    }
  };

  const useListener = async (): Promise<boolean> => {
    const { address, port } = group.listen;
    const wanted = `${address}:${port}`;
    if (wanted === listening) return false;
    clearTimeout(listenTimer);
    listener?.close();
    listener = undefined;
    listening = undefined;
    try {
      const opened = await connections.listen(address, port);
      if (stopped) {
        opened.close();
        return false;
      }
      listener = opened;
      listening = wanted;
      faults.listen = undefined;
      logger.info('listening', { address, port: opened.port });
      return true;
    } catch (error) {
      faults.listen = toFaultError(error).toFault();
      if (!stopped) listenTimer = setTimeout(retryListening, options.listenRetryMs ?? 1_000);
      return false;
    }
  };
  function retryListening(): void {
    void useListener().then((opened) => {
      judge();
      if (opened) selfTests.changed(served.byUid.keys());
    });
  }

  return {
    get port() {
      return listener?.port;
    },
    get sessions() {
      return limits.sessions;
    },
    apply: async (configuration: Configuration<ReceiverGroup, ReceiverConnection>) => {
      const before = served;
      const changedTarget = selfTestTarget(group) !== selfTestTarget(configuration.group);
      group = configuration.group;
      const changedCertificate = useCertificate();
      useRanges();
      const changed: string[] = [];
      served = buildServed(group, configuration.entries.values(), board, before, (entry, error) => {
        const at = timestamp(clock);
        const { uid, revision } = entry;
        logger.error('connection-not-served', { connection: `${entry.namespace}/${entry.name}` });
        board.serve(entry);
        board.get(uid)?.attempted({
          kind: 'test',
          trigger: 'change',
          revision,
          startedAt: at,
          endedAt: at,
          stages: [],
          fault: toFaultError(error).toFault(),
        });
      });
      const changedListener = await useListener();
      for (const uid of before.byUid.keys()) {
        if (configuration.entries.has(uid)) continue;
        board.remove(uid);
        selfTests.removed(uid);
      }
      const all = changedTarget || changedCertificate || changedListener;
      for (const [uid, recipient] of served.byUid) {
        if (all || before.byUid.get(uid) !== recipient) changed.push(uid);
      }
      board.updateGroup({ revision: group.revision });
      judge();
      logger.info('configuration-served', { revision: group.revision, connections: served.byUid.size });
      selfTests.changed(changed);
    },
    test: (uid, emit, signal) => selfTests.request(uid, emit, signal),
    stop: async (signal) => {
      stopped = true;
      clearTimeout(listenTimer);
      listener?.close();
      ending.abort();
      await connections.drain(signal);
    },
  };
}

/** All of a group that a self-test depends on. */
function selfTestTarget({ hostName, journalDomain, selfTest }: ReceiverGroup): string {
  return JSON.stringify([hostName, journalDomain, selfTest]);
}
