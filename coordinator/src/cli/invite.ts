// swarm invite: the URL with which another machine joins.
import { hostname, networkInterfaces } from 'node:os'
import type { Command } from 'commander'
import { withExamples } from './examples.ts'
import { hubUrl } from './hub.ts'
import { homeOption, jsonOption } from './options.ts'
import { data, jsonLine, say } from './output.ts'
import { running } from './record.ts'

export function register(program: Command): void {
  const verb = program
    .command('invite')
    .description('print the URL with which an agent of this or another trusted machine joins')
    .option('--host <host>', 'name or address under which others reach this machine')
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(({ home, host, json }: { home: string; host?: string; json: boolean }) => {
      const url = new URL(hubUrl(home, 'agent'))
      const listen = running(home)?.listen
      const here = listen === undefined || listen === '127.0.0.1' || listen === 'localhost'
      if (host !== undefined) url.hostname = host
      else if (!here) url.hostname = listen === '0.0.0.0' || listen === '::' ? (firstAddress() ?? hostname()) : listen
      const invitation = url.href.replace(/\/$/, '')
      if (json) jsonLine({ url: invitation, reach: here ? 'this machine' : 'network' })
      else data(invitation)
      if (here)
        say('This swarm listens on this machine only. To let others in, start it with: swarm up --listen 0.0.0.0')
      else
        say(
          `On the other machine, in a checkout of the same version: swarm join '${invitation}'\nWhoever has this URL can join; the connection is not encrypted: use it in networks you trust.`,
        )
    })
  withExamples(verb, [
    'swarm invite                       for a second terminal or checkout of this machine',
    'swarm invite --host 10.0.0.5       for other machines (after: swarm up --listen 0.0.0.0)',
  ])
}

function firstAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flat()
    .find((a) => a !== undefined && a.family === 'IPv4' && !a.internal)?.address
}
