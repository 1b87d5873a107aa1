import { FaultError, toFaultError } from '../process/fault-error.ts';
import type { PollOptions, PollServices } from './poll.ts';
import { openSession, type Session } from './session.ts';
import { recordStages } from './stages.ts';

/**
 * The session to pull over. Taking a session over for speed has no way back, so where two are allowed and there is much
 * to do, a second one is opened for it, and the control session goes on deleting beside it. In all other cases the
 * control session itself is taken over, and fetching and deleting share it: where one session is asked for, where the
 * server refuses a second one (which is remembered until the entry changes), and for so few messages that a second
 * login would take longer than they do.
 *
 * @returns `control`, or a new session that the caller closes
 */
export async function sessionForPull(
  services: PollServices,
  options: PollOptions,
  control: Session,
  waiting: number,
): Promise<Session> {
  const { entry, state } = options;
  if (entry.maxSessions === 1 || state.oneSession || waiting < services.secondSessionFrom) return control;
  const second = await openSecond(services, options, control);
  if (second.uidValidity === control.uidValidity) return second;
  second.close();
  throw new FaultError('ServerRefused', 'later', 'The folder was replaced while it was polled (UIDVALIDITY).');
}

async function openSecond(
  { egress, resolve, timeouts, software, clock }: PollServices,
  { entry, state, signal, gate, logger }: PollOptions,
  control: Session,
): Promise<Session> {
  try {
    const open = (): Promise<Session> =>
      openSession({ entry, egress: egress(), resolve, timeouts, software, signal }, recordStages(clock));
    return await gate.run(open, signal);
  } catch (error) {
    signal.throwIfAborted();
    const fault = toFaultError(error);
    if (!control.client.usable) throw fault;
    // The first session passed the same stages a moment ago, so it is being a second one that was refused.
    state.oneSession = true;
    logger.info('one-session', { text: fault.serverText ?? fault.message });
    return control;
  }
}
