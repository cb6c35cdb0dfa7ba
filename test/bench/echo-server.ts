// The bare baseline of the benches: answers each line with a tagged OK and knows nothing.

import net from 'node:net'

net.createServer((socket) => {
  let rest = ''
  socket.on('error', () => {})
  socket.on('data', (bytes: Buffer) => {
    const lines = (rest + bytes.toString('latin1')).split('\r\n')
    rest = lines.pop()!
    socket.write(lines.map((line) => `${line.slice(0, line.indexOf(' '))} OK Completed.\r\n`).join(''))
  })
}).listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'))
