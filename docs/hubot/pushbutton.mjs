// Description:
//   Pushes with Pushbutton, and says what runs where.
//
// Configuration:
//   PUSHBUTTON_SERVER      the address: https://push.example.com
//   PUSHBUTTON_TOKEN_FILE  a file with a token that may see and push: hubot's own, and for nobody else (chmod 600)
//
// Commands:
//   hubot what runs on <stack> - the build of each stage, and who is pushing
//   hubot push <stack> to <stage> [because <reason>] - pushes what is next for the stage, and says how it ended
//   hubot ask to push <stack> to <stage> [because <reason>] - asks others to approve it, where the stage needs that
//   hubot cancel push <number> - cancels a push that runs
//
// Everyone in a room with hubot has the rights of its token. The history names whoever asked as the reason.

import { randomUUID } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'

const NAME = '([a-z0-9][a-z0-9_-]*)'
const REASON = '(?:\\s+because\\s+(.+))?'

/** What a chat shows as text: one line, without what a chat or a terminal obeys. */
const plain = text => String(text).replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').slice(0, 400)

async function token () {
  const file = process.env.PUSHBUTTON_TOKEN_FILE
  if ((await stat(file)).mode & 0o077) throw new Error(`${file} can be read by others, so its token is not used`)
  return (await readFile(file, 'utf8')).trim()
}

/** Asks the server. A redirect is an error: the token is for this server alone. */
async function ask (method, path, body, more = {}) {
  const server = new URL(process.env.PUSHBUTTON_SERVER)
  const here = ['localhost', '127.0.0.1', '[::1]'].includes(server.hostname) || server.hostname.startsWith('127.')
  if (server.protocol !== 'https:' && !here) throw new Error('PUSHBUTTON_SERVER must begin with https://')
  const answer = await fetch(new URL(`/api/v1/${path}`, server), {
    method,
    redirect: 'error',
    headers: {
      Authorization: `Bearer ${await token()}`,
      ...(body && { 'Content-Type': 'application/json' }),
      ...(method === 'POST' && { 'Idempotency-Key': randomUUID() }),
      ...more
    },
    body: body && JSON.stringify(body)
  })
  if (answer.ok) return answer
  const problem = await answer.json().catch(() => ({}))
  const cure = problem.cure ? ` (${problem.cure})` : ''
  throw new Error(`${problem.detail ?? `the server answered ${answer.status}`}${cure}`)
}

const json = async (...request) => (await ask(...request)).json()

/** Follows a push to its end; a stream that breaks goes on where it was. */
async function ended (push) {
  let from = '0'
  for (let tries = 0; tries < 60; tries += 1) {
    try {
      const stream = await ask('GET', `pushes/${push}/events`, null, { 'Last-Event-ID': from })
      if (stream.status === 204) break
      let unread = ''
      for await (const part of stream.body.pipeThrough(new TextDecoderStream())) {
        const blocks = (unread + part).split('\n\n')
        unread = blocks.pop()
        for (const block of blocks) {
          from = block.match(/^id: ?(.+)$/m)?.[1] ?? from
          if (/^event: ?end$/m.test(block)) return (await json('GET', `pushes/${push}`)).push
        }
      }
    } catch {
      await new Promise(resolve => setTimeout(resolve, 1000))
    }
  }
  return (await json('GET', `pushes/${push}`)).push
}

/** The reason in the history: who asked, and why. */
const reason = message => `${message.message.user.name}${message.match[3] ? `: ${message.match[3]}` : ' asked for it'}`

/** What a push would do now: exactly this is pushed, or nothing. */
async function next (message) {
  const [, stack, stage] = message.match
  const address = `stacks/${stack}/stages/${stage}`
  const plan = await json('GET', `${address}/plan`)
  return { address, body: { seen: plan.seen, plan_hash: plan.plan_hash, reason: reason(message) } }
}

export default robot => {
  const hears = (words, answer) => robot.respond(new RegExp(`${words}\\s*$`, 'i'), async message => {
    try {
      await answer(message)
    } catch (why) {
      const cause = why.cause ? ` (${why.cause.message || why.cause.code})` : ''
      await message.send(plain(`not done: ${why.message}${cause}`))
    }
  })

  hears(`what runs on ${NAME}`, async message => {
    const stack = await json('GET', `stacks/${message.match[1]}`)
    for (const stage of stack.stages) {
      const runs = stage.current ? `${stage.current.build} by ${stage.current.who}` : 'nothing yet'
      await message.send(plain(`${stage.name}: ${runs}${stage.why_not ? ` (next: ${stage.why_not})` : ''}`))
    }
    if (stack.lock) await message.send(plain(`${stack.lock.who} is pushing to ${stack.lock.stage} (push ${stack.lock.id})`))
  })

  hears(`push ${NAME} to ${NAME}${REASON}`, async message => {
    const { address, body } = await next(message)
    const push = await json('POST', `${address}/push`, body)
    await message.send(plain(`push ${push.id} has started: ${push.url}`))
    const row = await ended(push.id)
    const why = row.why ? `: ${row.why}` : ''
    await message.send(plain(`push ${push.id} ${row.state}${why}, ${row.hosts_ok} of ${row.hosts_total} hosts have ${row.build}`))
  })

  hears(`ask to push ${NAME} to ${NAME}${REASON}`, async message => {
    const { address, body } = await next(message)
    const asked = await json('POST', `${address}/approval`, body)
    await message.send(plain(`waits for approval: ${asked.url}`))
  })

  hears('cancel push (\\d+)', async message => {
    await ask('POST', `pushes/${message.match[1]}/cancel`, { reason: reason(message) })
    await message.send(`push ${message.match[1]} is being cancelled`)
  })
}
