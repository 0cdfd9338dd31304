// Loads records into PostgreSQL through Syncline, exactly once.
//
//	go run . -server 127.0.0.1:50051 -sync nightly-1 -schema shop -rows 100000
//
// If the program or the server is stopped, run it again with the same -sync: it continues after the
// last record that is durable. README.md of the directory above says how the API's package is
// generated.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	pb "syncline.dev/api/syncline/v1"
)

const (
	jsonSchema = `{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":"string"}}}`
	batchRows  = 1000
	// Records that may be sent and not yet durable.
	windowRows = 50000
	retryFor   = 5 * time.Minute
)

// makeBatch is the source: record i is computed from i, so that it can start anywhere.
func makeBatch(first, end int64) []byte {
	var lines bytes.Buffer
	for i := first; i < end; i++ {
		fmt.Fprintf(&lines, "{\"id\":%d,\"name\":\"user %d\"}\n", i, i)
	}
	return lines.Bytes()
}

// retryDelay returns how long to wait before the next attempt, or false if the error is final.
func retryDelay(err error, attempt int) (time.Duration, bool) {
	s := status.Convert(err)
	delay := min(100*time.Millisecond<<min(attempt, 5), 3*time.Second)
	delay = delay/2 + time.Duration(rand.Int63n(int64(delay/2)))
	// A connection that breaks is also reported as Canceled or Internal, without details.
	broken := s.Code() == codes.Canceled || s.Code() == codes.Internal
	retry := s.Code() == codes.Unavailable || (broken && len(s.Details()) == 0)
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			if d.Reason == "FENCED" {
				return 0, false // another process loads with this sync id
			}
			retry = retry || d.Reason == "WRITERS_ACTIVE" || d.Reason == "SWAP_LOCKED"
		case *errdetails.RetryInfo:
			retry = true
			delay = max(delay, d.RetryDelay.AsDuration())
		}
	}
	return delay, retry
}

type loader struct {
	client     pb.SyncServiceClient
	syncID     string
	descriptor *pb.StreamDescriptor
	rows       int64
}

// load makes one attempt: it continues where the server is, and completes the stream.
func (l *loader) load(ctx context.Context, progressed func()) (*pb.CompleteStreamResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the call after an error
	plan, err := l.client.StartSync(ctx, &pb.StartSyncRequest{
		SyncId: l.syncID,
		Streams: []*pb.StreamConfig{{
			Descriptor_: l.descriptor,
			JsonSchema:  jsonSchema,
			WriteMode:   pb.WriteMode_WRITE_MODE_APPEND,
		}},
	})
	if err != nil {
		return nil, err
	}
	var durable, epoch int64
	for _, writer := range plan.Streams[0].Writers {
		if writer.WriterId == "" {
			durable, epoch = writer.DurableOffset, writer.Epoch
		}
	}
	if durable < l.rows {
		if err := l.send(ctx, durable, epoch, progressed); err != nil {
			return nil, err
		}
	}
	// If its answer is lost, the next attempt asks again and gets the first result.
	return l.client.CompleteStream(ctx, &pb.CompleteStreamRequest{
		SyncId:          l.syncID,
		Descriptor_:     l.descriptor,
		Status:          pb.StreamStatus_STREAM_STATUS_COMPLETE,
		ExpectedRecords: &l.rows,
	})
}

// send sends the records from number `durable` on and returns when all are durable.
func (l *loader) send(ctx context.Context, durable, epoch int64, progressed func()) error {
	call, err := l.client.AppendRecords(ctx)
	if err != nil {
		return err
	}
	var mutex sync.Mutex
	changed := sync.NewCond(&mutex)
	acknowledged, ended := durable, false
	result := make(chan error, 1)
	go func() {
		var err error
		for {
			var answer *pb.AppendRecordsResponse
			if answer, err = call.Recv(); err != nil {
				break
			}
			mutex.Lock()
			if answer.DurableOffset > acknowledged {
				acknowledged = answer.DurableOffset
				progressed()
			}
			changed.Signal()
			mutex.Unlock()
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		mutex.Lock()
		ended = true
		changed.Signal()
		mutex.Unlock()
		result <- err
	}()

	// Send returns io.EOF if the call has failed; the reader has the error.
	header := &pb.StreamHeader{SyncId: l.syncID, Descriptor_: l.descriptor, ExpectedEpoch: &epoch}
	err = call.Send(&pb.AppendRecordsRequest{
		Message: &pb.AppendRecordsRequest_Header{Header: header},
	})
	for first := durable; err == nil && first < l.rows; first += batchRows {
		mutex.Lock()
		for first-acknowledged > windowRows && !ended {
			changed.Wait()
		}
		mutex.Unlock()
		batch := &pb.RecordBatch{
			FirstOffset: first,
			Payload:     &pb.RecordBatch_Jsonl{Jsonl: makeBatch(first, min(first+batchRows, l.rows))},
		}
		// Send also waits while the server does not read.
		err = call.Send(&pb.AppendRecordsRequest{
			Message: &pb.AppendRecordsRequest_Batch{Batch: batch},
		})
	}
	if err == nil {
		err = call.CloseSend()
	}
	if read := <-result; read != nil {
		return read
	}
	return err
}

func main() {
	server := flag.String("server", "127.0.0.1:50051", "address of the server")
	syncID := flag.String("sync", "go-example-1", "id of the sync; the same id resumes it")
	schema := flag.String("schema", "public", "schema of the table")
	rows := flag.Int64("rows", 100000, "number of records")
	flag.Parse()

	connection, err := grpc.NewClient(*server,
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	l := &loader{
		client:     pb.NewSyncServiceClient(connection),
		syncID:     *syncID,
		descriptor: &pb.StreamDescriptor{Namespace: *schema, Name: "go_users"},
		rows:       *rows,
	}
	var mutex sync.Mutex
	attempt, deadline := 0, time.Now().Add(retryFor)
	progressed := func() {
		mutex.Lock()
		attempt, deadline = 0, time.Now().Add(retryFor)
		mutex.Unlock()
	}
	for {
		result, err := l.load(context.Background(), progressed)
		if err == nil {
			fmt.Printf("%d rows, %s\n", result.Rows, result.Outcome)
			return
		}
		mutex.Lock()
		delay, retry := retryDelay(err, attempt)
		attempt++
		expired := time.Now().Add(delay).After(deadline)
		mutex.Unlock()
		if !retry || expired {
			log.Fatal(err)
		}
		log.Printf("next attempt in %v: %v", delay.Round(time.Millisecond), err)
		time.Sleep(delay)
	}
}
