// Child process: trains a tokenizer on one text file. Alone in its process because training blocks its thread and draws
// progress bars on stderr. Arguments: configuration (JSON in), text, result (JSON out).
import { Tokenizer } from 'tokenizers'

const [config, text, result] = process.argv.slice(2)
const tokenizer = Tokenizer.fromFile(config)
tokenizer.train([text])
tokenizer.save(result)
