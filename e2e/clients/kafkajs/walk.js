// KafkaJS walks through a broker: node walk.js HOST:PORT
// Prints `ok STEP MILLISECONDS ms` for every step; whatever its logger reports at level ERROR is printed as an ERROR line.
'use strict'

const assert = require('node:assert/strict')
const { Kafka, CompressionTypes, logLevel } = require('kafkajs')

// KafkaJS logs the heartbeat that tells a member of a rebalance as an error. In a rebalance it is the protocol at work.
let rebalancing = false

const kafka = new Kafka({
  clientId: 'walk',
  brokers: [process.argv[2]],
  logLevel: logLevel.ERROR,
  logCreator: () => ({ log }) => {
    const expected = rebalancing && log.error === 'The group is rebalancing, so a rejoin is needed'
    console.log(expected ? 'rebalancing' : 'ERROR', JSON.stringify(log))
  },
})

const step = async (name, work) => {
  const start = Date.now()
  await work()
  console.log(`ok ${name} ${Date.now() - start} ms`)
}

const until = async (what, condition) => {
  const deadline = Date.now() + 30000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within 30 s: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

// A consumer that collects what it reads; `done` disconnects it.
const reading = async (groupId, topic, { fromBeginning = true, ...options } = {}) => {
  // a short poll: KafkaJS waits for a running fetch before it disconnects
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 250, ...options })
  const seen = []
  let assigned = null
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => { assigned = payload.memberAssignment })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning })
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      seen.push({
        partition,
        offset: message.offset,
        key: message.key && message.key.toString(),
        value: message.value && message.value.toString(),
        headers: message.headers,
      })
    },
  })
  return { consumer, seen, assigned: () => assigned, done: () => consumer.disconnect() }
}

const main = async () => {
  const admin = kafka.admin()
  const producer = kafka.producer()

  await step('walk-through', async () => {
    await admin.connect()
    const made = await admin.createTopics({ topics: [{ topic: 'rider-updates', numPartitions: 2 }] })
    assert.equal(made, true)
    await producer.connect()
    await producer.send({
      topic: 'rider-updates',
      messages: [
        { partition: 1, key: 'location-update', value: JSON.stringify({ name: 'tom', location: 'south' }) },
        { partition: 0, key: 'location-update', value: JSON.stringify({ name: 'jerry', location: 'north' }) },
      ],
    })
    const reader = await reading('user-1', 'rider-updates')
    await until('both riders', () => reader.seen.length === 2)
    for (const { partition, value } of reader.seen) console.log(`user-1: [rider-updates] PART:${partition}: ${value}`)
    const byPartition = Object.fromEntries(reader.seen.map(message => [message.partition, message]))
    assert.equal(byPartition[1].value, '{"name":"tom","location":"south"}')
    assert.equal(byPartition[0].value, '{"name":"jerry","location":"north"}')
    assert.ok(reader.seen.every(message => message.key === 'location-update' && message.offset === '0'))
    await reader.consumer.commitOffsets([
      { topic: 'rider-updates', partition: 0, offset: '1' },
      { topic: 'rider-updates', partition: 1, offset: '1' },
    ])
    await reader.done()
  })

  await step('committed', async () => {
    const offsets = await admin.fetchOffsets({ groupId: 'user-1', topics: ['rider-updates'] })
    assert.deepEqual(offsets[0].partitions.map(partition => partition.offset), ['1', '1'])
    const reader = await reading('user-1', 'rider-updates')
    await until('an assignment', () => reader.assigned() !== null)
    await producer.send({ topic: 'rider-updates', messages: [{ partition: 0, key: 'location-update', value: 'new' }] })
    await until('the new message', () => reader.seen.length > 0)
    assert.deepEqual(reader.seen.map(message => message.value), ['new'])
    const groups = await admin.describeGroups(['user-1'])
    assert.equal(groups.groups[0].state, 'Stable')
    assert.equal(groups.groups[0].members.length, 1)
    await reader.done()
  })

  await step('rebalance', async () => {
    rebalancing = true
    const options = { heartbeatInterval: 200, sessionTimeout: 6000 }
    const first = await reading('two', 'rider-updates', options)
    await until('all partitions at the first', () => (first.assigned()?.['rider-updates'] ?? []).length === 2)
    const second = await reading('two', 'rider-updates', options)
    const one = reader => (reader.assigned()?.['rider-updates'] ?? []).length === 1
    await until('one partition each', () => one(first) && one(second))
    await second.done()
    await until('all partitions at the first again', () => first.assigned()['rider-updates'].length === 2)
    await first.done()
    rebalancing = false
  })

  await step('codec-gzip', async () => {
    await admin.createTopics({ topics: [{ topic: 'zipped', numPartitions: 1 }] })
    const messages = Array.from({ length: 500 }, (_, i) => ({ key: `${i}`, value: `value ${i}`.repeat(20), headers: { n: `${i}` } }))
    await producer.send({ topic: 'zipped', compression: CompressionTypes.GZIP, messages })
    const reader = await reading('zip', 'zipped')
    await until('500 messages', () => reader.seen.length === 500)
    assert.deepEqual(reader.seen.map(message => message.value), messages.map(message => message.value))
    assert.deepEqual(reader.seen.map(message => message.headers.n.toString()), messages.map(message => message.headers.n))
    await reader.done()
  })

  await step('idempotent', async () => {
    const exact = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await exact.connect()
    for (let i = 0; i < 20; i++) {
      const [{ baseOffset }] = await exact.send({ topic: 'zipped', acks: -1, messages: [{ value: `exact ${i}` }] })
      assert.equal(baseOffset, `${500 + i}`)
    }
    await exact.disconnect()
  })

  await step('long-value', async () => {
    const value = 'x'.repeat(900_000)
    await admin.createTopics({ topics: [{ topic: 'long', numPartitions: 1 }] })
    await producer.send({ topic: 'long', messages: [{ value }] })
    const reader = await reading('long', 'long')
    await until('the long value', () => reader.seen.length === 1)
    assert.ok(reader.seen[0].value === value)
    await reader.done()
  })

  await step('offsets-by-timestamp', async () => {
    await admin.createTopics({ topics: [{ topic: 'timed', numPartitions: 1 }] })
    const base = Date.now() - 100_000
    for (let i = 0; i < 5; i++) {
      await producer.send({ topic: 'timed', messages: [{ value: `${i}`, timestamp: `${base + i * 1000}` }] })
    }
    const at = async timestamp => (await admin.fetchTopicOffsetsByTimestamp('timed', timestamp))[0].offset
    assert.equal(await at(base), '0')
    assert.equal(await at(base + 1001), '2')
    assert.equal(await at(base + 4000), '4')
    assert.equal(await at(base + 4001), '5')
    const [{ low, high }] = await admin.fetchTopicOffsets('timed')
    assert.deepEqual([low, high], ['0', '5'])
  })

  await step('partitions', async () => {
    await admin.createPartitions({ topicPartitions: [{ topic: 'timed', count: 3 }] })
    const { topics } = await admin.fetchTopicMetadata({ topics: ['timed'] })
    assert.equal(topics[0].partitions.length, 3)
  })

  await step('delete-topic', async () => {
    await admin.deleteTopics({ topics: ['timed', 'long'] })
    const left = await admin.listTopics()
    assert.ok(!left.includes('timed') && !left.includes('long') && left.includes('rider-updates'))
  })

  await producer.disconnect()
  await admin.disconnect()
}

main().then(() => console.log('ok all'), error => {
  console.log('FAILED', error.stack)
  process.exit(1)
})
