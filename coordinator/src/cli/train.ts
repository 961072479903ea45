// swarm train: one experiment by hand, with the field's closing block.
import path from 'node:path'
import { Option, type Command } from 'commander'
import { checkoutDir } from '../home.ts'
import { withExamples } from './examples.ts'
import { budget, dataOption, folder, jsonOption, MAX_SEED, scaleOption, whole } from './options.ts'
import type { TrainOptions } from './train/options.ts'

const EXAMPLES = [
  'swarm train                                        the shipped recipe, seed 1, the budget of program.md',
  'swarm train --seed 7 --budget tokens:200k          the same bits on every machine',
  'swarm train my-idea.cu --keep out/                 keep the checkpoint, the report and the binary',
  'swarm train --budget work:10m --keep out/ --resume   again after a crash: the same bits as a run without one',
  'swarm train --scale gpu --backend cuda --budget wall:300s   the reference on one GPU',
  'swarm train --json | jq .valBpb                    for programs',
]

export function register(program: Command): void {
  const verb = program
    .command('train')
    .description('run one experiment by hand: build, train, judge')
    .argument('[file]', 'the experiment', path.join(checkoutDir(), 'trainer-native', 'experiment', 'train.cu'))
    .option('--seed <s>', 'seed of initialisation and of the order of the text', whole(0, MAX_SEED), 1)
    .option('--budget <budget>', 'work:20s, tokens:200k, cpu:20s or wall:5m (default: from program.md)', budget)
    .addOption(dataOption())
    .addOption(scaleOption())
    .addOption(
      new Option('--backend <kind>', 'what it computes with; auto: at --scale gpu a GPU where there is one, else cores')
        .choices(['auto', 'cpu', 'cuda'])
        .default('auto'),
    )
    .option('--workers <n>', 'threads; the bits are the same for any number', whole(1, 64))
    .option('--keep <dir>', 'keep checkpoint, report, verdict and binary there', folder)
    .option('--resume', 'keep the state of a run in the --keep folder, and go on from the one that is there', false)
    .addOption(jsonOption('the closing facts as one JSON object'))
    .action(async (file: string, options: TrainOptions) => {
      const { trainByHand } = await import('./train/by-hand.ts')
      await trainByHand(path.resolve(file), options)
    })
  withExamples(verb, EXAMPLES)
}
