import { type ArchiveConnection, archiveConnection } from './archive-connection.ts';
import { type MailArchive, mailArchive } from './mail-archive.ts';
import { type MailGateway, mailGateway } from './mail-gateway.ts';

/** Every kind of the API group, in the order of crds/ and of documentation. */
export const kinds = [archiveConnection, mailGateway, mailArchive] as const;

export type AnyResource = ArchiveConnection | MailGateway | MailArchive;

export type AnyStatus = NonNullable<AnyResource['status']>;
