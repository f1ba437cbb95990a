// How long a KafkaJS consumer takes from its start to two messages that are there: node two.js HOST:PORT
'use strict'

const { Kafka, logLevel } = require('kafkajs')

const kafka = new Kafka({ clientId: 'two', brokers: [process.argv[2]], logLevel: logLevel.NOTHING })

const main = async () => {
  const topic = `two-${process.pid}`
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] })
  await admin.disconnect()
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, messages: [{ partition: 0, value: 'a' }, { partition: 1, value: 'b' }] })
  await producer.disconnect()
  const start = performance.now()
  const consumer = kafka.consumer({ groupId: topic })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  let seen = 0
  await consumer.run({
    eachMessage: async () => {
      if (++seen === 2) {
        console.log(`ms ${Math.round(performance.now() - start)}`)
        process.exit(0)
      }
    },
  })
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
