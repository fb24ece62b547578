// What asyncio-loops does, in Go: `go-loops GOMAXPROCS WORK COUNT|PORT`. See ../../README.md.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) != 4 {
		os.Exit(64)
	}
	procs, work, count := number(os.Args[1]), os.Args[2], number(os.Args[3])
	runtime.GOMAXPROCS(procs)
	switch work {
	case "echo":
		echo(count)
	case "mailbox":
		mailbox(count, false)
	case "mailbox-threads":
		mailbox(count, true)
	case "spawn", "switch", "lock", "queue", "timeout":
		onEach(procs, work, count/10+1)
		m := start()
		onEach(procs, work, count)
		m.report(work, count*procs)
	default:
		os.Exit(64)
	}
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 {
		os.Exit(64)
	}
	return value
}

// together runs body in so many goroutines, and waits for them.
func together(count int, body func()) {
	var group sync.WaitGroup
	group.Add(count)
	for i := 0; i < count; i++ {
		go func() {
			defer group.Done()
			body()
		}()
	}
	group.Wait()
}

// onEach does the work in as many goroutines as there are processors, each with objects of its own.
func onEach(procs int, work string, count int) { together(procs, func() { perform(work, count) }) }

func perform(work string, count int) {
	switch work {
	case "spawn":
		for left := count; left > 0; left -= 1000 {
			batch := left
			if batch > 1000 {
				batch = 1000
			}
			together(batch, func() {})
		}
	case "switch":
		together(100, func() {
			for i := 0; i < count/100; i++ {
				runtime.Gosched()
			}
		})
	case "lock":
		var lock sync.Mutex
		together(100, func() {
			for i := 0; i < count/100; i++ {
				lock.Lock()
				runtime.Gosched()
				lock.Unlock()
			}
		})
	case "queue":
		queue := make(chan int, 1)
		go func() {
			for i := 0; i < count; i++ {
				queue <- i
			}
		}()
		for i := 0; i < count; i++ {
			<-queue
		}
	case "timeout":
		for i := 0; i < count; i++ {
			_, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			cancel()
		}
	}
}

type item struct{ sender, number int }

// Five goroutines send to another one. If `threads`, four of them are threads of their own.
func mailbox(count int, threads bool) {
	each := count / 5
	items := make(chan item, 1024)
	m := start()
	for sender := 0; sender < 5; sender++ {
		go func(sender int) {
			if threads && sender > 0 {
				runtime.LockOSThread()
			}
			for number := 0; number < each; number++ {
				items <- item{sender, number}
			}
		}(sender)
	}
	var next [5]int
	for i := 0; i < 5*each; i++ {
		item := <-items
		if item.number != next[item.sender] {
			panic("wrong order")
		}
		next[item.sender]++
	}
	m.report("mailbox", 5*each)
}

func echo(port int) {
	var limit syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	limit.Cur = limit.Max
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		panic(err)
	}
	fmt.Println("READY")
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			buffer := make([]byte, 65536)
			for {
				size, err := connection.Read(buffer)
				if size > 0 {
					if _, err := connection.Write(buffer[:size]); err != nil {
						return
					}
				}
				if err != nil {
					return
				}
			}
		}()
	}
}

type measure struct {
	wall time.Time
	cpu  float64
}

func start() measure { return measure{time.Now(), cpu()} }

func (m measure) report(bench string, count int) {
	fmt.Printf("{\"bench\": %q, \"n\": %d, \"wall_s\": %f, \"cpu_s\": %f}\n",
		bench, count, time.Since(m.wall).Seconds(), cpu()-m.cpu)
}

func cpu() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Sec+usage.Stime.Sec) + float64(usage.Utime.Usec+usage.Stime.Usec)/1e6
}
