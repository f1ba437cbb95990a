// KafkaJS never gives up: node pump.js BOOTSTRAP FOLDER
//
// Sends numbered values to the three partitions of the topic `pump` until FOLDER/stop exists, and appends
// `PARTITION OFFSET NUMBER` to FOLDER/acked for each acknowledged one; how many that were is in FOLDER/sent then. Meanwhile
// a group reads them: FOLDER/consumed has the same for each record, and `commit PARTITION OFFSET` for each commit.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { Kafka, logLevel } = require('kafkajs')

const folder = process.argv[3]
const file = name => path.join(folder, name)
const wait = time => new Promise(resolve => setTimeout(resolve, time))
const kafka = new Kafka({
  clientId: 'pump',
  brokers: process.argv[2].split(','),
  logLevel: logLevel.ERROR,
  retry: { initialRetryTime: 30, maxRetryTime: 300, retries: 200 },
})

let sent = null

// One partition a request: of several that went to different brokers KafkaJS forgets some when their leaders change.
const writeTo = async (producer, partition, acked) => {
  let number = partition
  let count = 0
  for (; !fs.existsSync(file('stop')); await wait(5)) {
    const values = Array.from({ length: 5 }, (_, i) => `${number + 3 * i}`)
    const messages = values.map(value => ({ partition, value }))
    const [{ baseOffset }] = await producer.send({ topic: 'pump', acks: -1, messages })
    const first = Number(baseOffset)
    const at = i => (first < 0 ? -1 : first + i)
    fs.writeSync(acked, values.map((value, i) => `${partition} ${at(i)} ${value}\n`).join(''))
    number += 3 * values.length
    count += values.length
  }
  return count
}

const write = async () => {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const acked = fs.openSync(file('acked'), 'w')
  const counts = await Promise.all([0, 1, 2].map(partition => writeTo(producer, partition, acked)))
  await producer.disconnect()
  sent = counts.reduce((sum, count) => sum + count)
  fs.writeFileSync(file('sent'), `${sent}`)
}

const read = async () => {
  const consumer = kafka.consumer({ groupId: 'readers', maxWaitTimeInMs: 250 })
  const consumed = fs.openSync(file('consumed'), 'w')
  const seen = new Set()
  await consumer.connect()
  await consumer.subscribe({ topics: ['pump'], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch: { partition, messages }, resolveOffset, heartbeat }) => {
      let end = null
      for (const { offset, value } of messages) {
        fs.writeSync(consumed, `${partition} ${offset} ${value}\n`)
        seen.add(`${value}`)
        resolveOffset(offset)
        end = `${Number(offset) + 1}`
      }
      try {
        await consumer.commitOffsets([{ topic: 'pump', partition, offset: end }])
        fs.writeSync(consumed, `commit ${partition} ${end}\n`)
      } catch (error) {
        console.log('not committed:', error.message) // the next one covers it
      }
      await heartbeat()
    },
  })
  while (sent === null || seen.size < sent) await wait(20)
  await consumer.disconnect()
}

Promise.all([write(), read()]).then(
  () => process.exit(0),
  error => {
    console.log('FAILED', error.stack)
    process.exit(1)
  },
)
