// auditgen writes audit events through kube-apiserver's own audit back ends
// (module k8s.io/apiserver): the log file with its rotation, or the webhook
// with its batches, retries and truncation. A tailer or a receiver is so
// tested against the code that runs in a control plane, without a cluster.
//
// The events follow from the flags alone (see events.go); -attackers plants
// bursts of refused requests that a detector has to find. The sequence number
// is the last part of each auditID.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/util/webhook"
	"k8s.io/apiserver/plugin/pkg/audit/buffered"
	auditlog "k8s.io/apiserver/plugin/pkg/audit/log"
	"k8s.io/apiserver/plugin/pkg/audit/truncate"
	audithook "k8s.io/apiserver/plugin/pkg/audit/webhook"
)

// The names and defaults of kube-apiserver's flags, without "audit-".
type backendFlags struct {
	mode         string
	logPath      string
	logMaxSize   int
	logMaxBackup int
	logCompress  bool
	config       string
	backoff      time.Duration
	batchSize    int
	batchWait    time.Duration
	batchQPS     float64
	blocking     bool
}

func (f *backendFlags) register() {
	flag.StringVar(&f.mode, "mode", "log", "log or webhook")
	flag.StringVar(&f.logPath, "log-path", "audit.log", "log: the file")
	flag.IntVar(&f.logMaxSize, "log-maxsize", 1, "log: MiB before rotation")
	flag.IntVar(&f.logMaxBackup, "log-maxbackup", 0, "log: rotated files kept, 0 = all")
	flag.BoolVar(&f.logCompress, "log-compress", false, "log: gzip rotated files")
	flag.StringVar(&f.config, "webhook-config", "", "webhook: kubeconfig file")
	flag.DurationVar(&f.backoff, "webhook-initial-backoff", 10*time.Second, "webhook: before the first retry")
	flag.IntVar(&f.batchSize, "batch-max-size", 400, "webhook: events in a batch")
	flag.DurationVar(&f.batchWait, "batch-max-wait", 30*time.Second, "webhook: before a batch is sent that is not full")
	flag.Float64Var(&f.batchQPS, "batch-throttle-qps", 10, "webhook: batches a second, 0 = no limit")
	flag.BoolVar(&f.blocking, "blocking", false, "webhook: one POST per event, in the request's path")
}

func (f *backendFlags) open() (audit.Backend, error) {
	switch f.mode {
	case "log":
		file := &lumberjack.Logger{Filename: f.logPath, MaxSize: f.logMaxSize,
			MaxBackups: f.logMaxBackup, Compress: f.logCompress}
		return auditlog.NewBackend(file, auditlog.FormatJson, auditv1.SchemeGroupVersion), nil
	case "webhook":
		backend, err := audithook.NewBackend(f.config, auditv1.SchemeGroupVersion,
			webhook.DefaultRetryBackoffWithInitialDelay(f.backoff), nil)
		if err != nil {
			return nil, err
		}
		if !f.blocking {
			backend = buffered.NewBackend(backend, buffered.BatchConfig{
				BufferSize: 10000, MaxBatchSize: f.batchSize, MaxBatchWait: f.batchWait,
				ThrottleEnable: f.batchQPS > 0, ThrottleQPS: float32(f.batchQPS),
				ThrottleBurst: 15, AsyncDelegate: true})
		}
		return truncate.NewBackend(backend, truncate.Config{MaxBatchSize: 10 << 20,
			MaxEventSize: 100 << 10}, auditv1.SchemeGroupVersion), nil
	}
	return nil, fmt.Errorf("unknown mode %q: log or webhook", f.mode)
}

func main() {
	var backends backendFlags
	var story story
	backends.register()
	story.register()
	rate := flag.Float64("rate", 0, "events a second, 0 = as fast as it goes")
	flag.Parse()
	backend, err := backends.open()
	if err == nil {
		err = story.plan()
	}
	if err != nil {
		log.Fatal(err)
	}
	stop := make(chan struct{})
	if err := backend.Run(stop); err != nil {
		log.Fatal(err)
	}
	begin := time.Now()
	refused := 0
	for i := 0; i < story.events; i++ {
		if *rate > 0 {
			due := begin.Add(time.Duration(float64(i) / *rate * float64(time.Second)))
			time.Sleep(time.Until(due))
		}
		if !backend.ProcessEvents(story.event(story.first + i)) {
			refused++
		}
	}
	close(stop)
	backend.Shutdown()
	fmt.Fprintf(os.Stderr, "auditgen: %d events in %.2f s, %d refused by the back end\n",
		story.events, time.Since(begin).Seconds(), refused)
	if refused > 0 {
		os.Exit(1)
	}
}
