import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { ImapCommand, ImapFault, ImapPeer } from './fault.ts';
import { type ImapMailbox, named } from './mailbox.ts';

/** What all sessions of a server share. */
export interface ImapServerState {
  users: Record<string, string>;
  folders: Map<string, ImapMailbox>;
  capabilities: string[];
  fault: ImapFault;
  secureContext: SecureContext;
  loggedIn: Set<ImapSession>;
  /** Each command line that came, with passwords taken out. */
  transcript: string[];
}

/** One session of the scripted server: as much of RFC 3501 as a poll needs. */
export class ImapSession implements ImapPeer {
  socket: Socket;
  readonly #state: ImapServerState;
  #secure: boolean;
  #input = '';
  #folder: ImapMailbox | undefined;
  #readOnly = true;
  #continuation: ((line: string) => void) | undefined;

  constructor(socket: Socket, state: ImapServerState, secure: boolean) {
    this.socket = socket;
    this.#state = state;
    this.#secure = secure;
    this.#listen();
    const greeting = state.fault.greeting?.(this) ?? '* OK scripted server ready\r\n';
    this.send(greeting);
  }

  get sessions(): number {
    return this.#state.loggedIn.size;
  }

  get loggedIn(): boolean {
    return this.#state.loggedIn.has(this);
  }

  send(text: string | Buffer): void {
    if (this.socket.writable) this.socket.write(text, 'latin1');
  }

  #listen(): void {
    this.socket.on('data', (chunk: Buffer) => {
      this.#input += chunk.toString('latin1');
      for (let end = this.#input.indexOf('\r\n'); end >= 0; end = this.#input.indexOf('\r\n')) {
        const line = this.#input.slice(0, end);
        this.#input = this.#input.slice(end + 2);
        this.#line(line);
      }
    });
    this.socket.on('error', () => this.socket.destroy());
    this.socket.on('close', () => this.#state.loggedIn.delete(this));
  }

  #line(line: string): void {
    const continuation = this.#continuation;
    if (continuation) {
      this.#continuation = undefined;
      continuation(line);
      return;
    }
    const [, tag = '*', verb = '', rest = ''] = /^(\S+) ((?:UID )?\S+) ?(.*)$/i.exec(line) ?? [];
    const command: ImapCommand = { tag, name: verb.toUpperCase(), args: rest };
    const secret = command.name === 'LOGIN' || command.name === 'AUTHENTICATE';
    this.#state.transcript.push(secret ? `${command.name} ...` : `${command.name} ${rest}`.trim());
    if (this.#state.fault.command?.(command, this)) return;
    this.#answer(command);
  }

  #answer({ tag, name, args }: ImapCommand): void {
    const ok = (text = 'done'): void => this.send(`${tag} OK ${text}\r\n`);
    switch (name) {
      case 'CAPABILITY': {
        const extra = this.#secure ? 'AUTH=PLAIN' : 'STARTTLS LOGINDISABLED';
        this.send(`* CAPABILITY IMAP4rev1 ${this.#state.capabilities.join(' ')} ${extra}\r\n`);
        ok();
        return;
      }
      case 'STARTTLS':
        ok('begin TLS');
        this.#startTls();
        return;
      case 'LOGIN': {
        const [user = '', password = ''] = [...args.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
          ([, quoted, atom]) => quoted?.replace(/\\(.)/g, '$1') ?? atom ?? '',
        );
        this.#login(tag, user, password);
        return;
      }
      case 'AUTHENTICATE': {
        const plain = (line: string): void => {
          const [, user = '', password = ''] = Buffer.from(line, 'base64').toString('utf8').split('\0');
          this.#login(tag, user, password);
        };
        const initial = args.split(' ')[1];
        if (initial !== undefined) {
          plain(initial);
          return;
        }
        this.#continuation = plain;
        this.send('+ \r\n');
        return;
      }
      case 'NAMESPACE':
        this.send('* NAMESPACE (("" "/")) NIL NIL\r\n');
        ok();
        return;
      case 'LIST':
      case 'LSUB':
        this.#list(name, args);
        ok();
        return;
      case 'SELECT':
      case 'EXAMINE':
        this.#select(tag, args.replace(/^"|"$/g, ''), name === 'EXAMINE');
        return;
      case 'UID SEARCH':
        this.#search(tag, args);
        return;
      case 'FETCH':
      case 'UID FETCH':
        this.#fetch(tag, args, name === 'UID FETCH');
        return;
      case 'UID STORE':
        for (const { message } of this.#named(args)) if (!this.#readOnly) message.deleted = true;
        ok();
        return;
      case 'UID EXPUNGE':
        this.#expunge(tag, args);
        return;
      case 'LOGOUT':
        this.send('* BYE until next time\r\n');
        ok();
        this.socket.end();
        return;
      case 'NOOP':
      case 'ID':
        ok();
        return;
      default:
        this.send(`${tag} BAD unknown command\r\n`);
    }
  }

  #startTls(): void {
    const plain = this.socket;
    plain.removeAllListeners('data');
    this.socket = new TLSSocket(plain, { isServer: true, secureContext: this.#state.secureContext });
    this.#secure = true;
    this.#listen();
  }

  #login(tag: string, user: string, password: string): void {
    if (this.#state.users[user] !== password) {
      this.send(`${tag} NO [AUTHENTICATIONFAILED] Invalid credentials\r\n`);
      return;
    }
    this.#state.loggedIn.add(this);
    this.send(`${tag} OK logged in\r\n`);
  }

  /** Only the pattern `*` and whole names are known; the empty pattern asks for the delimiter (RFC 3501 section 6.3.8). */
  #list(name: string, args: string): void {
    const pattern = /(?:"([^"]*)"|(\S+))$/.exec(args);
    const wanted = pattern?.[1] ?? pattern?.[2] ?? '*';
    if (wanted === '') this.send(`* ${name} (\\Noselect) "/" ""\r\n`);
    for (const folder of this.#state.folders.keys()) {
      if (wanted === '*' || wanted === folder) this.send(`* ${name} () "/" "${folder}"\r\n`);
    }
  }

  #select(tag: string, name: string, readOnly: boolean): void {
    const folder = this.#state.folders.get(name);
    this.#folder = folder;
    this.#readOnly = readOnly;
    if (folder === undefined) {
      this.send(`${tag} NO [NONEXISTENT] There is no folder ${name}\r\n`);
      return;
    }
    const exists = this.#state.fault.exists?.(folder.messages.length) ?? folder.messages.length;
    this.send(`* ${exists} EXISTS\r\n* FLAGS (\\Deleted)\r\n* OK [PERMANENTFLAGS (\\Deleted \\*)] limited\r\n`);
    this.send(`* OK [UIDVALIDITY ${folder.uidValidity}] valid\r\n* OK [UIDNEXT ${folder.uidNext}] next\r\n`);
    this.send(`${tag} OK [${readOnly ? 'READ-ONLY' : 'READ-WRITE'}] done\r\n`);
  }

  #named(args: string): ReturnType<typeof named> {
    return this.#folder ? named(this.#folder, args.split(' ')[0] ?? '', true) : [];
  }

  #search(tag: string, args: string): void {
    const set = /^UID (\S+)$/i.exec(args)?.[1] ?? '1:*';
    const uids = this.#named(set).map(({ message }) => message.uid);
    this.send(`* SEARCH ${uids.join(' ')}`.trimEnd());
    this.send(`\r\n${tag} OK done\r\n`);
  }

  #fetch(tag: string, args: string, byUid: boolean): void {
    const [set = ''] = args.split(' ');
    const partial = /BODY\.PEEK\[\]<0\.(\d+)>/i.exec(args);
    for (const { seq, message } of this.#folder ? named(this.#folder, set, byUid) : []) {
      this.send(`* ${seq} FETCH (UID ${message.uid} INTERNALDATE "${message.internalDate}" `);
      if (partial) {
        const part = message.bytes.subarray(0, Number(partial[1]));
        this.send(Buffer.concat([Buffer.from(`BODY[]<0> {${part.length}}\r\n`), part]));
      } else if (/BODY\.PEEK\[\]/i.test(args)) {
        this.send('BODY[] ');
        const { bytes, uid } = message;
        this.send(
          this.#state.fault.body?.(bytes, uid, this) ?? Buffer.concat([Buffer.from(`{${bytes.length}}\r\n`), bytes]),
        );
      }
      this.send(')\r\n');
    }
    this.send(`${tag} OK done\r\n`);
  }

  #expunge(tag: string, set: string): void {
    const folder = this.#folder;
    if (folder && !this.#readOnly) {
      const gone = new Set(this.#named(set).flatMap(({ message }) => (message.deleted ? [message] : [])));
      folder.messages = folder.messages.filter((message) => !gone.has(message));
    }
    this.send(`${tag} OK done\r\n`);
  }
}
