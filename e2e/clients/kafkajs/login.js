// KafkaJS logs in: node login.js HOST:PORT CA [MECHANISM USER PASSWORD-OR-TOKEN-FILE | KEY CERTIFICATE]
// Prints `in` after a record was written and the topic listed, or `refused: ERROR`.
'use strict'

const { readFileSync } = require('node:fs')
const { Kafka, logLevel } = require('kafkajs')

const [address, ca, ...who] = process.argv.slice(2)
const ssl = { ca: [readFileSync(ca)] }
let sasl
if (who[0] === 'OAUTHBEARER') {
  const value = readFileSync(who[2], 'utf8')
  sasl = { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value }) }
} else if (who.length === 3) sasl = { mechanism: who[0].toLowerCase(), username: who[1], password: who[2] }
else [ssl.key, ssl.cert] = who.map(file => readFileSync(file))

const kafka = new Kafka({
  brokers: [address], ssl, sasl, logLevel: logLevel.NOTHING, retry: { retries: 1, initialRetryTime: 20 },
})

const main = async () => {
  const [admin, producer] = [kafka.admin(), kafka.producer()]
  try {
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: 'kafkajs' }] })
    await producer.connect()
    await producer.send({ topic: 'kafkajs', messages: [{ value: 'v' }] })
    const topics = await admin.listTopics()
    console.log(topics.includes('kafkajs') ? 'in' : 'refused: the topic is not there')
  } catch (error) {
    console.log(`refused: ${error.name} ${error.message}`)
  } finally {
    await Promise.allSettled([admin.disconnect(), producer.disconnect()])
  }
}

main()
