/// The output of each program: the seconds since its start, and the line. asyncio prints the
/// same lines at the same times.
let transcripts: [String: String] = [
    "hello": """
    0 Hello
    0 Hello
    1 World
    1 World
    """,
    "loop": """
    0 Task 1 started
    0 Task 2 started
    1 Task 2 finished
    2 Task 1 finished
    """,
    "coroutines": """
    0 Fetching data...
    0 Processing data...
    1 Results: ["data": 42], Processed
    """,
    "tasks": """
    0 Fetching data from server 1
    0 Fetching data from server 2
    0 Fetching data from server 3
    3 Results: ["Data from server 1", "Data from server 2", "Data from server 3"]
    3 Total time: 3.00 seconds
    """,
    "errors": """
    0 Starting operation 0
    0 Starting operation 1
    0 Starting operation 2
    1 Result: Result 0
    1 Result: Result 1
    1 Error: Error in operation 2
    """,
    "group": """
    0 Processing item 1
    0 Processing item 2
    0 Processing item 3
    0 Processing item 4
    3 TaskGroup caught: Failed to process item 3
    """,
    "background": """
    0 Main step 0
    0 Monitoring...
    1 Main step 1
    2 Monitoring...
    2 Main step 2
    3 Background task cancelled
    """,
    "timeout": """
    0 Task 1 started
    0 Task 2 started
    0 Task 3 started
    2 Task 1 completed
    3 Timeout! Tasks were cancelled by TaskGroup
    """,
    "future": """
    1 Future resolved!
    """,
    "lock": """
    0 Task 0 read counter: 0
    0.1 Task 0 set counter: 1
    0.1 Task 1 read counter: 1
    0.2 Task 1 set counter: 2
    0.2 Task 2 read counter: 2
    0.3 Task 2 set counter: 3
    0.3 Final counter: 3
    """,
    "event": """
    0 Waiter 0 waiting for event
    0 Waiter 1 waiting for event
    0 Waiter 2 waiting for event
    0 Trigger task started
    1 Setting event
    1 Waiter 0 proceeding after event
    1 Waiter 1 proceeding after event
    1 Waiter 2 proceeding after event
    """,
    "condition": """
    0 Consumer 0 waiting
    0 Consumer 1 waiting
    0.5 Produced item 0
    0.5 Consumer 0 consumed item 0
    1 Produced item 1
    1 Consumer 1 consumed item 1
    1.5 Produced item 2
    1.5 Left over: [2]
    """,
    "semaphore": """
    0 Task 0 making API call
    0 Task 1 making API call
    1 Task 0 finished API call
    1 Task 1 finished API call
    1 Task 2 making API call
    1 Task 3 making API call
    2 Task 2 finished API call
    2 Task 3 finished API call
    2 Task 4 making API call
    3 Task 4 finished API call
    """,
    "bounded": """
    0 Task 0 acquired the semaphore
    0 Task 1 acquired the semaphore
    0.5 Task 0 releasing the semaphore
    0.5 Task 1 releasing the semaphore
    0.5 Task 2 acquired the semaphore
    0.5 Task 3 acquired the semaphore
    1 Task 2 releasing the semaphore
    1 Task 3 releasing the semaphore
    1 Error: BoundedSemaphore released too many times
    """,
    "workers": """
    1.08 Producer done, 99 items left in the queue
    1.65 Worker 0 processed 163 items
    1.65 Worker 1 processed 82 items
    1.65 Worker 2 processed 55 items
    1.65 Each item processed once: true
    """,
    "race": """
    0 Without a lock: 1
    0 With a lock: 10
    """,
    "barrier": """
    0 Worker 1: Starting
    0 Worker 2: Starting
    0 Worker 3: Starting
    1 Worker 1: Waiting at barrier
    2 Worker 2: Waiting at barrier
    3 Worker 3: Waiting at barrier
    3 Worker 3: Continuing after barrier
    3 Worker 1: Continuing after barrier
    3 Worker 2: Continuing after barrier
    """,
    "cancellation": """
    1 cleaning up
    1.5 cleaned up
    1.5 Task was cancelled
    """,
    "callbacks": """
    1 Callback got result: 42
    1 Callback got error: division by zero
    1 Main task done
    """,
    "backgroundtasks": """
    0 Started 3 background tasks
    1 Background task 1 done
    2 Background task 2 done
    2.5 Still running: 1
    2.5 Background task 3 cancelled
    2.5 Still running: 0
    """,
    "generator": """
    0 Got 3
    0.5 Got 2
    1 Got 1
    4 Collected: [4, 2]
    """,
    "iterator": """
    0 A: 0
    0 B: 0
    0 A: 1
    0 B: 1
    0 A: 2
    0 B: 2
    """,
    "shield": """
    0 Operation started
    1 Waiter was cancelled, the operation goes on
    2 Operation finished
    2 Waiter got: the result
    """,
    "first": """
    0 Asking slow source
    0 Asking fast source
    0 Asking middling source
    1 Cancelled slow source
    1 Cancelled middling source
    1 First answer: from fast source
    """,
    "debounce": """
    0 Call 1
    0.1 Call 2
    0.2 Call 3
    0.3 Call 4
    0.4 Call 5
    0.9 Saving
    1.5 Saved 1 time(s)
    """,
    "retry": """
    0 Attempt 1
    1 Attempt 2
    3 Attempt 3
    3 Result: it works
    """,
]
