// Thunderbird without a screen, driven by Marionette: its own automation protocol, one TCP connection that carries
// `length:[0, id, command, parameters]` and answers `length:[1, id, error, result]`. Scripts run inside it with its own interfaces.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { freePort } from '../fixtures/server.ts'

/** Nothing is asked of anybody but the account's server; nothing is asked of the user. */
const quiet: Record<string, string | number | boolean> = {
  'app.update.enabled': false, 'app.update.auto': false, 'app.normandy.enabled': false, 'app.donation.eoy.version.viewed': 999,
  'browser.safebrowsing.malware.enabled': false, 'browser.safebrowsing.phishing.enabled': false,
  'datareporting.healthreport.uploadEnabled': false, 'datareporting.policy.dataSubmissionEnabled': false, 'datareporting.policy.dataSubmissionPolicyBypassNotification': true,
  'extensions.update.enabled': false, 'extensions.getAddons.cache.enabled': false, 'extensions.systemAddon.update.enabled': false, 'extensions.blocklist.enabled': false,
  'mail.provider.enabled': false, 'mail.rights.version': 1, 'mail.shell.checkDefaultClient': false, 'mail.spotlight.firstRunDone': true, 'mail.winsearch.firstRunDone': true,
  'mailnews.start_page.enabled': false, 'mailnews.start_page_override.mstone': 'ignore', 'mailnews.auto_config.fetchFromISP.enabled': false,
  'network.captive-portal-service.enabled': false, 'network.connectivity-service.enabled': false, 'network.dns.disablePrefetch': true, 'network.prefetch-next': false,
  'network.dns.disabled': true, 'network.proxy.type': 1, 'network.proxy.http': '127.0.0.1', 'network.proxy.http_port': 9, 'network.proxy.ssl': '127.0.0.1', 'network.proxy.ssl_port': 9,
  'network.proxy.no_proxies_on': '127.0.0.1', 'services.settings.server': 'data:,#remote-settings-dummy/v1', 'services.sync.enabled': false,
  'toolkit.telemetry.enabled': false, 'toolkit.telemetry.server': '', 'toolkit.telemetry.unified': false, 'app.shield.optoutstudies.enabled': false,
  'mail.startup.enabledMailCheckOnce': true, 'mail.biff.show_alert': false, 'mail.biff.play_sound': false, 'mail.chat.enabled': false, 'calendar.timezone.local': 'UTC',
  'browser.dom.window.dump.enabled': true, 'mailnews.database.global.indexer.enabled': false,
}

/** One IMAP account, `account1`, whose password it is told at its start. */
const account = (user: string, port: number): Record<string, string | number | boolean> => ({
  'mail.accountmanager.accounts': 'account1,account2', 'mail.accountmanager.defaultaccount': 'account1', 'mail.accountmanager.localfoldersserver': 'server2',
  'mail.account.account1.server': 'server1', 'mail.account.account1.identities': 'id1', 'mail.account.account2.server': 'server2',
  'mail.server.server1.type': 'imap', 'mail.server.server1.hostname': '127.0.0.1', 'mail.server.server1.port': port, 'mail.server.server1.userName': user,
  'mail.server.server1.name': 'culver', 'mail.server.server1.socketType': 0, 'mail.server.server1.authMethod': 3, 'mail.server.server1.login_at_startup': false,
  'mail.server.server1.check_new_mail': false, 'mail.server.server1.offline_download': true, 'mail.server.server1.autosync_offline_stores': false,
  'mail.server.server2.type': 'none', 'mail.server.server2.hostname': 'Local Folders', 'mail.server.server2.userName': 'nobody', 'mail.server.server2.name': 'Local Folders',
  'mail.identity.id1.useremail': `${user}@example.com`, 'mail.identity.id1.fullName': user, 'mail.identity.id1.valid': true,
})

export class Thunderbird {
  readonly #child: ChildProcess
  readonly #socket: net.Socket
  readonly profile: string
  #heard = Buffer.alloc(0)
  #wake: () => void = () => {}
  #id = 0

  private constructor(child: ChildProcess, socket: net.Socket, profile: string) {
    this.#child = child
    this.#socket = socket
    this.profile = profile
    socket.on('data', (bytes: Buffer) => {
      this.#heard = Buffer.concat([this.#heard, bytes])
      this.#wake()
    })
    socket.on('close', () => { this.#wake() })
  }

  /** Starts it over a fresh profile below `directory`. */
  static async start(directory: string, user: string, password: string, imapPort: number): Promise<Thunderbird> {
    const profile = path.join(directory, 'profile')
    const port = await freePort()
    fs.mkdirSync(profile)
    const prefs = { ...quiet, ...account(user, imapPort), 'marionette.port': port }
    fs.writeFileSync(path.join(profile, 'user.js'), Object.entries(prefs).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(''))
    const log = fs.openSync(path.join(directory, 'thunderbird.log'), 'w')
    const child = spawn('thunderbird', ['--headless', '--marionette', '--remote-allow-system-access', '--no-remote', '--profile', profile], {
      env: { PATH: process.env['PATH'], HOME: directory, TMPDIR: directory, MOZ_HEADLESS: '1', MOZ_CRASHREPORTER_DISABLE: '1', LANG: 'C.UTF-8' }, stdio: ['ignore', log, log], detached: true,
    })
    fs.closeSync(log)
    const socket = await connected(port, child)
    const it = new Thunderbird(child, socket, profile)
    await it.#answer()
    await it.#say('WebDriver:NewSession', {})
    await it.#say('Marionette:SetContext', { value: 'chrome' })
    await it.#say('WebDriver:SetTimeouts', { script: 60_000 })
    await it.run(`
      const login = Components.Constructor('@mozilla.org/login-manager/loginInfo;1', Ci.nsILoginInfo, 'init')
      await Services.logins.addLoginAsync(new login('imap://127.0.0.1', null, 'imap://127.0.0.1', ${JSON.stringify(user)}, ${JSON.stringify(password)}, '', ''))`)
    return it
  }

  /** Runs the body of an async function within it; `MailServices`, `server`, `root` and the helpers of `prelude` are at hand. */
  async run<T>(body: string): Promise<T> {
    const script = `const done = arguments[0]; (async () => { ${prelude}\n${body}\n })().then((value) => done({ value: value ?? null }), (error) => done({ error: String(error) + '\\n' + (error?.stack ?? '') }))`
    const { value } = await this.#say('WebDriver:ExecuteAsyncScript', { script, args: [], sandbox: 'system' }) as { value: { value?: T; error?: string } }
    if (value.error !== undefined) throw new Error(`Thunderbird: ${value.error}`)
    return value.value as T
  }

  async quit(): Promise<void> {
    const gone = new Promise<void>((resolve) => { this.#child.once('exit', () => resolve()) })
    await this.#say('Marionette:Quit', { flags: ['eForceQuit'] }).catch(() => {})
    this.#socket.destroy()
    const timer = setTimeout(() => this.kill(), 10_000)
    if (this.#child.exitCode === null) await gone
    clearTimeout(timer)
  }

  kill(): void {
    this.#socket.destroy()
    try { process.kill(-this.#child.pid!, 'SIGKILL') } catch { /* it has ended */ }
  }

  async #say(command: string, parameters: object): Promise<unknown> {
    const text = JSON.stringify([0, ++this.#id, command, parameters])
    this.#socket.write(`${Buffer.byteLength(text)}:${text}`)
    const [, , error, result] = await this.#answer() as [number, number, { message: string } | null, unknown]
    if (error !== null) throw new Error(`${command}: ${error.message}`)
    return result
  }

  async #answer(): Promise<unknown> {
    for (;;) {
      const colon = this.#heard.indexOf(':')
      const length = colon < 0 ? Infinity : Number(this.#heard.toString('latin1', 0, colon))
      if (this.#heard.length > colon + length) {
        const text = this.#heard.toString('utf8', colon + 1, colon + 1 + length)
        this.#heard = this.#heard.subarray(colon + 1 + length)
        return JSON.parse(text)
      }
      if (this.#socket.closed) throw new Error('Thunderbird is gone')
      await new Promise<void>((resolve) => { this.#wake = resolve })
    }
  }
}

const prelude = `
  const { MailServices } = ChromeUtils.importESModule('resource:///modules/MailServices.sys.mjs')
  const server = MailServices.accounts.allServers.find((one) => one.type === 'imap')
  const root = server.rootFolder
  const urlDone = (begin) => new Promise((resolve, reject) => {
    begin({ QueryInterface: ChromeUtils.generateQI(['nsIUrlListener']), OnStartRunningUrl() {}, OnStopRunningUrl(url, status) { Components.isSuccessCode(status) ? resolve() : reject(new Error('status 0x' + status.toString(16))) } })
  })
  const copyDone = (begin) => new Promise((resolve, reject) => {
    begin({ QueryInterface: ChromeUtils.generateQI(['nsIMsgCopyServiceListener']), onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() { return '' }, onStopCopy(status) { Components.isSuccessCode(status) ? resolve() : reject(new Error('status 0x' + status.toString(16))) } })
  })
  const messages = (folder) => [...folder.messages]
  const bySubject = (folder, subject) => messages(folder).find((one) => one.mime2DecodedSubject === subject)
  const update = (folder) => urlDone((listener) => folder.QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(null, listener))
  const until = async (what, condition) => {
    for (let n = 0; n < 600; n++) {
      const found = condition()
      if (found) return found
      await new Promise((resolve) => { ChromeUtils.importESModule('resource://gre/modules/Timer.sys.mjs').setTimeout(resolve, 50) })
    }
    throw new Error('never came: ' + what)
  }
`

/** Marionette listens when the program has come up. */
async function connected(port: number, child: ChildProcess): Promise<net.Socket> {
  for (let tries = 0; ; tries++) {
    const socket = await new Promise<net.Socket | undefined>((resolve) => {
      const trial = net.connect(port, '127.0.0.1', () => resolve(trial))
      trial.on('error', () => resolve(undefined))
    })
    if (socket !== undefined) return socket
    if (child.exitCode !== null || tries > 300) throw new Error('Thunderbird does not listen')
    await new Promise((resolve) => { setTimeout(resolve, 100) })
  }
}
