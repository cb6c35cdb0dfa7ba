// An LDAP server that says what a test wants it to say: for what a well-behaved slapd never does.

import net from 'node:net'
import { BerReader, BerWriter } from 'ldapts'

export type Operation = 'bind' | 'search' | 'extended' | 'unbind'

/** A message from the client; `password` is what stands behind a SASL mechanism, too. */
export interface Asked { operation: Operation; dn: string; password: string; mechanism: string }

const operations: Record<number, Operation> = { 0x60: 'bind', 0x63: 'search', 0x77: 'extended', 0x42: 'unbind' }

function message(id: number, tag: number, write: (ber: BerWriter) => void): Buffer {
  const ber = new BerWriter()
  ber.startSequence()
  ber.writeInt(id)
  ber.startSequence(tag)
  write(ber)
  ber.endSequence()
  ber.endSequence()
  return Buffer.from(ber.buffer)
}

/** An answer's end: bindResponse, searchResDone, extendedResp. */
export const result = (id: number, operation: Operation, code: number): Buffer =>
  message(id, { bind: 0x61, search: 0x65, extended: 0x78, unbind: 0 }[operation], (ber) => {
    ber.writeEnumeration(code)
    ber.writeString('')
    ber.writeString('as the test says')
  })

export const entry = (id: number, dn: string, attributes: Record<string, string[]>): Buffer =>
  message(id, 0x64, (ber) => {
    ber.writeString(dn)
    ber.startSequence()
    for (const [name, values] of Object.entries(attributes)) {
      ber.startSequence()
      ber.writeString(name)
      ber.startSequence(0x31)
      values.forEach((value) => ber.writeString(value))
      ber.endSequence()
      ber.endSequence()
    }
    ber.endSequence()
  })

/** What to send for a message; undefined: nothing. Called with the number of its connection, from 0. */
export type Behaviour = (asked: Asked, id: number, socket: net.Socket) => Buffer | undefined

export class FakeLdap {
  readonly port: number
  /** All that was asked, of all connections. */
  readonly asked: Asked[] = []
  connections = 0
  behaviour: Behaviour
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()

  static async listen(behaviour: Behaviour): Promise<FakeLdap> {
    const server = net.createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new FakeLdap(server, behaviour)
  }

  private constructor(server: net.Server, behaviour: Behaviour) {
    this.#server = server
    this.behaviour = behaviour
    this.port = (server.address() as net.AddressInfo).port
    server.on('connection', (socket) => this.#serve(socket))
  }

  /** Ends all connections, and takes new ones. */
  drop(): void { for (const socket of this.#sockets) socket.destroy() }

  close(): Promise<void> {
    this.drop()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #serve(socket: net.Socket): void {
    this.connections++
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    // Requests of one connection wait for each other, so one chunk is one message.
    socket.on('data', (bytes: Buffer) => {
      const ber = new BerReader(bytes)
      if (ber.readSequence() !== 0x30) {
        socket.end('this is no TLS')
        return
      }
      const id = ber.readInt()!
      const operation = operations[ber.readSequence()!]!
      const bind = operation === 'bind' && ber.readInt() === 3
      const dn = bind ? ber.readString()! : ''
      const simple = bind && ber.peek() === 0x80
      if (bind && !simple) ber.readSequence(0xa3)
      const mechanism = bind && !simple ? ber.readString()! : ''
      const password = bind ? ber.readString(simple ? 0x80 : 4)! : ''
      const asked = { operation, dn, password, mechanism }
      this.asked.push(asked)
      const answer = this.behaviour(asked, id, socket)
      if (answer !== undefined) socket.write(answer)
    })
  }
}
