import type { PollerConnection, ReceiverConnection } from '../../workers/process/contract.ts';
import type { MailGateway } from '../api/mail-gateway.ts';
import type { GatewayPlan } from './gateway.ts';

/** A gateway's plan together with what its workers are to serve. */
export interface PlannedGateway extends GatewayPlan {
  gateway: MailGateway;
  /** What its receivers are to serve, in the order of the input, and its pollers. */
  receiverEntries: ReceiverConnection[];
  /** By shard. */
  pollerEntries: PollerConnection[][];
}
