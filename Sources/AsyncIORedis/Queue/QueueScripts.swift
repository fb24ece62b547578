// # The scripts of a queue
//
// Every change to a queue is made by one script, so it happens completely or not at all, even if the program or the
// server fails. Times are measured by the server's clock. The keys of a queue begin with `jobs:{name}`, so that a
// cluster stores them on one node:
//
//     :job:<id>   a hash with the data of the job (see `put` for its fields)
//     :s0 :s1 :s2 a stream for each priority, with one consumer group; its entries name the waiting and running jobs
//     :f0 :f1 :f2 lists of jobs that will be delivered again, ahead of other jobs
//     :all        a sorted set of the jobs that have not ended, by the time when they were added
//     :delayed    a sorted set of jobs by the time when they are due
//     :running    a sorted set of jobs by the time when their delivery expires
//     :line:<key> a list of the jobs with an order key, in order; the first one is in a stream, delayed, or running
//     :unique     a hash from unique keys to jobs
//     :dead       a stream of dead letters
//     :events     a stream of reports that awaited jobs have ended; the job "" means that all jobs have ended
//     :joined     exists while a program is waiting for all jobs to end
//     :workers    a sorted set of workers by the time of their last heartbeat
//     :wake :room lists with at most one token, on which idle workers and waiting producers block
//     :stats      a hash of counters
//     :rate       the time, in microseconds, at which the rate limit's bucket will be full
//     :paused     exists while the queue is paused
//     :once:<key> the state of work that must be done only once
//
// A job is in its worker's list of pending entries from its delivery until it ends, is retried, or is delivered again.

enum QueueScripts {
    /// Functions that several scripts use. `ARGV[1]` is the retention in milliseconds, and `ARGV[2]` is the maximum
    /// number of dead letters.
    private static let common = #"""
        local q, group = KEYS[1], 'workers'
        local retention, maxDead = tonumber(ARGV[1]), tonumber(ARGV[2])
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local function key(name) return q .. ':' .. name end
        local function job(id) return q .. ':job:' .. id end
        local function token(name)
            if redis.call('LLEN', key(name)) == 0 then redis.call('LPUSH', key(name), '1') end
        end
        local function push(id, p)
            redis.call('HSET', job(id), 's', 'waiting', 'e', redis.call('XADD', key('s' .. p), '*', 'id', id))
            token('wake')
        end
        local function ready(id)
            local p, o, l = unpack(redis.call('HMGET', job(id), 'p', 'o', 'l'))
            if o then
                local line = key('line:' .. o)
                if not l then
                    redis.call('RPUSH', line, id)
                    redis.call('HSET', job(id), 'l', '1')
                end
                if redis.call('LINDEX', line, 0) ~= id then
                    redis.call('HSET', job(id), 's', 'held')
                    return
                end
            end
            push(id, p)
        end
        -- Removes a job from where waiting, delayed, and running jobs are stored.
        local function leave(id)
            local p, e, b = unpack(redis.call('HMGET', job(id), 'p', 'e', 'b'))
            if e then
                redis.pcall('XACK', key('s' .. p), group, e)
                redis.call('XDEL', key('s' .. p), e)
            end
            if b then redis.call('LREM', key('f' .. p), 1, id) end
            redis.call('ZREM', key('running'), id)
            redis.call('ZREM', key('delayed'), id)
            redis.call('HDEL', job(id), 'e', 'b')
        end
        local function finish(id, state)
            local u, o, l, w = unpack(redis.call('HMGET', job(id), 'u', 'o', 'l', 'w'))
            leave(id)
            redis.call('ZREM', key('all'), id)
            if u and redis.call('HGET', key('unique'), u) == id then redis.call('HDEL', key('unique'), u) end
            redis.call('HSET', job(id), 's', state)
            redis.call('HDEL', job(id), 'l', 'w', 'n', 'k')
            if state ~= 'dead' then
                redis.call('HDEL', job(id), 'd', 'c', 'o', 'u')
                redis.call('PEXPIRE', job(id), retention)
            end
            if l then
                redis.call('LREM', key('line:' .. o), 1, id)
                local next = redis.call('LINDEX', key('line:' .. o), 0)
                if next then
                    local s, p = unpack(redis.call('HMGET', job(next), 's', 'p'))
                    if s == 'held' then push(next, p) end
                end
            end
            local function report(name)
                redis.call('XADD', key('events'), 'MAXLEN', '~', '10000', '*', 'id', name)
            end
            if w then report(id) end
            if redis.call('ZCARD', key('all')) == 0 and redis.call('DEL', key('joined')) == 1 then report('') end
        end
        local function die(id, message)
            finish(id, 'dead')
            redis.call('HSET', job(id), 'x', message, 'de', redis.call('XADD', key('dead'), '*', 'id', id))
            while redis.call('XLEN', key('dead')) > maxDead do
                local oldest = redis.call('XRANGE', key('dead'), '-', '+', 'COUNT', 1)[1]
                redis.call('XDEL', key('dead'), oldest[1])
                redis.call('DEL', job(oldest[2][2]))
            end
        end
        local function heartbeat(worker, visibility)
            if redis.call('ZADD', key('workers'), now, worker) == 1 then
                -- A new worker often replaces one that has gone.
                redis.call('ZREMRANGEBYSCORE', key('workers'), '-inf', now - math.max(600000, 2 * visibility))
            end
        end
        -- Makes a delivered job available again, ahead of other jobs.
        local function putFirst(id, p)
            redis.call('ZREM', key('running'), id)
            redis.call('HSET', job(id), 's', 'waiting', 'b', '1')
            redis.call('LPUSH', key('f' .. p), id)
            token('wake')
        end

        """#

    /// - Parameter needsMemory: Whether the script fails, before it changes anything, if the server is out of memory.
    private static func script(needsMemory: Bool = false, _ body: String) -> RedisScript {
        RedisScript("#!lua flags=\(needsMemory ? "" : "allow-oom")\n" + common + body)
    }

    /// Puts a job into the queue. Returns the job's identifier and a number: 1 if the job was added, 0 if an existing
    /// job prevents this, or -1 if the queue is full.
    static let put = script(
        needsMemory: true,
        #"""
        local id, data, p, u, o, context, nonce = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]
        local delay, date, maxLength = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
        local known = redis.call('HGET', job(id), 'y')
        if known then return {id, known == nonce and 1 or 0} end
        if u ~= '' then
            local other = redis.call('HGET', key('unique'), u)
            if other then return {other, 0} end
        end
        local function hasRoom()
            return maxLength <= 0 or redis.call('ZCARD', key('all')) - redis.call('ZCARD', key('running')) < maxLength
        end
        if not hasRoom() then return {id, -1} end
        -- Data, priority, unique key, order key, context, nonce of the put, state, attempts, fencing token. Later: entry
        -- in the stream (e), in the list of those that go first (b), in the line (l), error (x), progress (g), result
        -- (r), cancellation (n), watched (w), worker (k), fencing token when it was handed back (hb), dead letter (de).
        redis.call('HSET', job(id), 'd', data, 'p', p, 'y', nonce, 'a', 0, 'f', 0)
        if context ~= '' then redis.call('HSET', job(id), 'c', context) end
        if o ~= '' then redis.call('HSET', job(id), 'o', o) end
        if u ~= '' then
            redis.call('HSET', job(id), 'u', u)
            redis.call('HSET', key('unique'), u, id)
        end
        redis.call('ZADD', key('all'), now, id)
        local due = now
        if delay > 0 then due = now + delay end
        if date >= 0 then due = date end
        if due > now then
            redis.call('HSET', job(id), 's', 'delayed')
            redis.call('ZADD', key('delayed'), due, id)
            token('wake')
        else
            ready(id)
        end
        if maxLength > 0 and hasRoom() then token('room') end
        return {id, 1}
        """#)

    /// Takes jobs. Returns the time to wait for the next job, in milliseconds (-1 to wait for a token, -2 if the queue
    /// is paused), whether the rate limit causes the wait, whether all jobs have ended, and the jobs.
    static let take = script(
        #"""
        local count, consumer, visibility, maxDeliveries = tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
        local interval, burst, maxLength = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
        heartbeat(consumer, visibility)
        for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('delayed'), '-inf', now, 'LIMIT', 0, 100)) do
            redis.call('ZREM', key('delayed'), id)
            ready(id)
        end
        local expired = redis.call('ZRANGEBYSCORE', key('running'), '-inf', now, 'LIMIT', 0, 100)
        for _, id in ipairs(expired) do
            redis.call('HINCRBY', key('stats'), 'lost', 1)
            local p, a, n = unpack(redis.call('HMGET', job(id), 'p', 'a', 'n'))
            if not p then
                redis.call('ZREM', key('running'), id)
            elseif n then
                finish(id, 'cancelled')
            elseif tonumber(a) >= maxDeliveries then
                die(id, 'the worker did not settle the delivery in time')
            else
                putFirst(id, p)
            end
        end
        if #expired > 0 then
            -- Removes workers that disappeared long ago.
            for p = 0, 2 do
                local consumers = redis.pcall('XINFO', 'CONSUMERS', key('s' .. p), group)
                for _, one in ipairs(consumers) do
                    if one[4] == 0 and one[6] > 3600000 then
                        redis.call('XGROUP', 'DELCONSUMER', key('s' .. p), group, one[2])
                    end
                end
            end
        end

        local taken, wait, limited = {}, -1, 0
        if redis.call('EXISTS', key('paused')) == 1 then return {-2, 0, 0, taken} end
        local micros, full = time[1] * 1000000 + time[2], 0
        if interval > 0 then
            full = math.max(tonumber(redis.call('GET', key('rate')) or '0'), micros)
            local permits = burst - math.ceil((full - micros) / interval)
            if permits < 1 then
                limited = 1
                wait = math.ceil((full - burst * interval + interval - micros) / 1000)
            end
            count = math.max(0, math.min(count, permits))
        end
        local function give(id, p, e)
            local h = redis.call('HMGET', job(id), 'd', 'c', 's', 'e')
            if h[3] ~= 'waiting' then
                -- This is possible only if another program has changed the keys.
                if e then
                    redis.call('XACK', key('s' .. p), group, e)
                    redis.call('XDEL', key('s' .. p), e)
                end
                return
            end
            if not e then redis.call('XCLAIM', key('s' .. p), group, consumer, 0, h[4], 'JUSTID') end
            redis.call('HSET', job(id), 's', 'running', 'k', consumer)
            redis.call('HDEL', job(id), 'b', 'g', 'hb')
            redis.call('ZADD', key('running'), now + visibility, id)
            local a = redis.call('HINCRBY', job(id), 'a', 1)
            taken[#taken + 1] = {id, h[1], a, redis.call('HINCRBY', job(id), 'f', 1), h[2] or ''}
        end
        local function entries(p, limit)
            local function read()
                return redis.pcall(
                    'XREADGROUP', 'GROUP', group, consumer, 'COUNT', limit, 'STREAMS', key('s' .. p), '>')
            end
            local reply = read()
            if reply and reply.err then
                redis.call('XGROUP', 'CREATE', key('s' .. p), group, '0', 'MKSTREAM')
                reply = read()
            end
            return reply and reply[1] and reply[1][2] or {}
        end
        for p = 0, 2 do
            while #taken < count do
                local id = redis.call('LPOP', key('f' .. p))
                if not id then break end
                give(id, p, nil)
            end
            if #taken < count then
                for _, entry in ipairs(entries(p, count - #taken)) do give(entry[2][2], p, entry[1]) end
            end
        end
        if #taken > 0 then
            if interval > 0 then
                redis.call('SET', key('rate'), string.format('%.0f', full + #taken * interval))
            end
            if maxLength > 0 then token('room') end
            -- Another worker can take the remaining jobs.
            if #taken == count then token('wake') end
        end
        if limited == 0 then
            for _, name in ipairs({'delayed', 'running'}) do
                local first = redis.call('ZRANGE', key(name), 0, 0, 'WITHSCORES')[2]
                if first then
                    local time = math.max(1, tonumber(first) - now)
                    if wait < 0 or time < wait then wait = time end
                end
            end
        end
        return {wait, limited, redis.call('ZCARD', key('all')) == 0 and 1 or 0, taken}
        """#)

    /// Settles a delivery. Returns 1 on success, or 0 if the delivery is lost.
    static let settle = script(
        #"""
        local id, fence, action = ARGV[3], ARGV[4], ARGV[5]
        local s, f, p, a, n, hb = unpack(redis.call('HMGET', job(id), 's', 'f', 'p', 'a', 'n', 'hb'))
        if action == 'back' and hb == fence then return 1 end
        if f ~= fence then return 0 end
        if s ~= 'running' and s ~= 'waiting' then
            -- The call was repeated, because the reply to the first one was lost.
            if action == 'done' then return s == 'done' and 1 or 0 end
            return action == 'failed' and s ~= 'done' and 1 or 0
        end
        if action == 'done' then
            if ARGV[6] == '1' then redis.call('HSET', job(id), 'r', ARGV[7]) end
            redis.call('HINCRBY', key('stats'), 'done', 1)
            finish(id, 'done')
        elseif action == 'failed' then
            local message, final, delay, maxDeliveries = ARGV[6], ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])
            redis.call('HINCRBY', key('stats'), 'failures', 1)
            redis.call('HSET', job(id), 'x', message)
            if n then
                finish(id, 'cancelled')
            elseif final == '1' or tonumber(a) >= maxDeliveries then
                die(id, message)
            else
                leave(id)
                redis.call('HSET', job(id), 's', 'delayed')
                redis.call('ZADD', key('delayed'), now + delay, id)
                token('wake')
            end
        elseif action == 'back' then
            redis.call('HINCRBY', job(id), 'a', -1)
            redis.call('HINCRBY', job(id), 'f', 1)
            redis.call('HSET', job(id), 'hb', fence)
            if s == 'running' then putFirst(id, p) end
        elseif action == 'progress' then
            redis.call('HSET', job(id), 'g', ARGV[6])
        end
        return 1
        """#)

    /// Extends the deliveries of a worker. The last arguments are pairs of an identifier and a fencing token. For each
    /// pair, the script returns 1 if the delivery was extended, 0 if it is lost, or -1 if the job was cancelled.
    static let renew = script(
        #"""
        local visibility, answers = tonumber(ARGV[3]), {}
        heartbeat(ARGV[4], visibility)
        for i = 5, #ARGV, 2 do
            local id = ARGV[i]
            local s, f, n, p = unpack(redis.call('HMGET', job(id), 's', 'f', 'n', 'p'))
            if f ~= ARGV[i + 1] or (s ~= 'running' and s ~= 'waiting') then
                answers[#answers + 1] = 0
            else
                if s == 'waiting' then
                    -- It has expired, and no other worker has taken it yet.
                    redis.call('LREM', key('f' .. p), 1, id)
                    redis.call('HSET', job(id), 's', 'running')
                    redis.call('HDEL', job(id), 'b')
                end
                redis.call('ZADD', key('running'), now + visibility, id)
                answers[#answers + 1] = n and -1 or 1
            end
        end
        return answers
        """#)

    /// Hands back the jobs that were assigned to a worker whose connection was lost before it received the reply. The
    /// arguments are the worker and the jobs that it has received.
    static let recover = script(
        #"""
        local known, count = {}, 0
        for i = 4, #ARGV do known[ARGV[i]] = true end
        for p = 0, 2 do
            local pending = redis.pcall('XPENDING', key('s' .. p), group, '-', '+', 10000, ARGV[3])
            for _, one in ipairs(pending) do
                local entry = redis.call('XRANGE', key('s' .. p), one[1], one[1])[1]
                local id = entry and entry[2][2]
                if id and not known[id] and redis.call('HGET', job(id), 's') == 'running' then
                    redis.call('HINCRBY', job(id), 'a', -1)
                    redis.call('HINCRBY', job(id), 'f', 1)
                    putFirst(id, p)
                    count = count + 1
                end
            end
        end
        return count
        """#)

    /// Makes another worker check for jobs. A worker calls this script if its wait was interrupted.
    static let nudge = script("token('wake') return 1")

    /// Cancels a job. Returns 1 if the job had not ended, or 0 otherwise.
    static let cancel = script(
        #"""
        local s = redis.call('HGET', job(ARGV[3]), 's')
        if not s or s == 'done' or s == 'cancelled' or s == 'dead' then return 0 end
        if s == 'running' then redis.call('HSET', job(ARGV[3]), 'n', '1') else finish(ARGV[3], 'cancelled') end
        return 1
        """#)

    /// Puts a dead letter back into the queue. Returns 1 on success, 0 if there is no such dead letter, or the
    /// identifier of the job that now has the same unique key.
    static let retryDead = script(
        needsMemory: true,
        #"""
        local id = ARGV[3]
        local s, u, de = unpack(redis.call('HMGET', job(id), 's', 'u', 'de'))
        if s ~= 'dead' then return 0 end
        if u then
            local other = redis.call('HGET', key('unique'), u)
            if other then return other end
            redis.call('HSET', key('unique'), u, id)
        end
        redis.call('XDEL', key('dead'), de)
        redis.call('HSET', job(id), 'a', 0)
        redis.call('HDEL', job(id), 'de')
        redis.call('ZADD', key('all'), now, id)
        ready(id)
        return 1
        """#)

    /// Drops a dead letter. Returns 1 on success, or 0 if there is no such dead letter.
    static let dropDead = script(
        #"""
        local s, de = unpack(redis.call('HMGET', job(ARGV[3]), 's', 'de'))
        if s ~= 'dead' then return 0 end
        redis.call('XDEL', key('dead'), de)
        return redis.call('DEL', job(ARGV[3]))
        """#)

    /// Returns dead letters, each with its identifier, its stream entry, its data, its error, and its number of
    /// attempts.
    static let listDead = script(
        #"""
        local list = {}
        for _, entry in ipairs(redis.call('XRANGE', key('dead'), '-', '+', 'COUNT', ARGV[3])) do
            local id = entry[2][2]
            local h = redis.call('HMGET', job(id), 'd', 'x', 'a')
            list[#list + 1] = {id, entry[1], h[1] or '', h[2] or '', h[3] or '0'}
        end
        return list
        """#)

    /// Returns the data of a job. If `ARGV[4]` is 1, the script also records that a program is waiting for the job to
    /// end. The last element of the reply is the latest entry of `:events`.
    static let status = script(
        #"""
        local h = redis.call('HMGET', job(ARGV[3]), 's', 'a', 'x', 'g', 'r')
        if h[1] and ARGV[4] == '1' and h[1] ~= 'done' and h[1] ~= 'cancelled' and h[1] ~= 'dead' then
            redis.call('HSET', job(ARGV[3]), 'w', '1')
        end
        local last = redis.call('XREVRANGE', key('events'), '+', '-', 'COUNT', 1)[1]
        h[6] = last and last[1] or '0-0'
        return h
        """#)

    /// Returns the numbers of unfinished, delayed, running, and dead jobs, the counters, and whether the queue is
    /// paused.
    static let counts = script(
        #"""
        local stats = redis.call('HMGET', key('stats'), 'done', 'failures', 'lost')
        return {
            redis.call('ZCARD', key('all')), redis.call('ZCARD', key('delayed')), redis.call('ZCARD', key('running')),
            redis.call('XLEN', key('dead')), stats[1] or '0', stats[2] or '0', stats[3] or '0',
            redis.call('EXISTS', key('paused'))
        }
        """#)

    /// Returns 1 if all jobs have ended. Otherwise, the script returns 0, and records that a program is waiting for all
    /// jobs to end. The last element of the reply is the latest entry of `:events`.
    static let join = script(
        #"""
        if redis.call('ZCARD', key('all')) == 0 then return {1, '0-0'} end
        redis.call('SET', key('joined'), '1')
        local last = redis.call('XREVRANGE', key('events'), '+', '-', 'COUNT', 1)[1]
        return {0, last and last[1] or '0-0'}
        """#)

    /// Returns the workers, each with its name, its number of running jobs, and the milliseconds since its last
    /// heartbeat.
    static let workers = script(
        #"""
        local running, list = {}, {}
        for _, id in ipairs(redis.call('ZRANGE', key('running'), 0, -1)) do
            local worker = redis.call('HGET', job(id), 'k')
            if worker then running[worker] = (running[worker] or 0) + 1 end
        end
        local beats = redis.call('ZRANGE', key('workers'), 0, -1, 'WITHSCORES')
        for i = 1, #beats, 2 do
            list[#list + 1] = {beats[i], running[beats[i]] or 0, now - tonumber(beats[i + 1])}
        end
        return list
        """#)

    /// Pauses or resumes the queue.
    static let pause = script(
        #"""
        if ARGV[3] == '1' then
            redis.call('SET', key('paused'), '1')
        else
            redis.call('DEL', key('paused'))
            token('wake')
        end
        return 1
        """#)

    /// Begins work that must be done only once. Returns "run", "done", or "busy".
    static let beginOnce = script(
        needsMemory: true,
        #"""
        local name = key('once:' .. ARGV[3])
        local state = redis.call('GET', name)
        if state == 'done' then return 'done' end
        if state and state ~= ARGV[4] then return 'busy' end
        redis.call('SET', name, ARGV[4], 'PX', ARGV[5])
        return 'run'
        """#)

    /// Renews the lease for work that must be done only once.
    static let renewOnce = script(
        #"""
        local name = key('once:' .. ARGV[3])
        if redis.call('GET', name) ~= ARGV[4] then return 0 end
        return redis.call('PEXPIRE', name, ARGV[5])
        """#)

    /// Gives back the lease for work that was not completed.
    static let abandonOnce = script(
        #"""
        local name = key('once:' .. ARGV[3])
        if redis.call('GET', name) ~= ARGV[4] then return 0 end
        return redis.call('DEL', name)
        """#)

    /// Records that work was done, and stores this record for `ARGV[5]` milliseconds. Returns 1 on success, or 0 if
    /// another worker is currently doing the work.
    static let endOnce = script(
        #"""
        local name = key('once:' .. ARGV[3])
        local state = redis.call('GET', name)
        if state and state ~= ARGV[4] and state ~= 'done' then return 0 end
        redis.call('SET', name, 'done', 'PX', ARGV[5])
        return 1
        """#)
}
