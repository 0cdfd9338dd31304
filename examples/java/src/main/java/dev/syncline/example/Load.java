package dev.syncline.example;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.syncline.v1.AppendRecordsRequest;
import dev.syncline.v1.AppendRecordsResponse;
import dev.syncline.v1.CompleteStreamRequest;
import dev.syncline.v1.CompleteStreamResponse;
import dev.syncline.v1.RecordBatch;
import dev.syncline.v1.StartSyncRequest;
import dev.syncline.v1.StreamConfig;
import dev.syncline.v1.StreamDescriptor;
import dev.syncline.v1.StreamHeader;
import dev.syncline.v1.StreamStatus;
import dev.syncline.v1.SyncServiceGrpc;
import dev.syncline.v1.WriteMode;
import dev.syncline.v1.WriterPosition;
import io.grpc.Channel;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Loads records into PostgreSQL through Syncline, exactly once.
 *
 * <pre>
 *   mvn -q package
 *   java -cp 'target/example-0.1.0.jar:target/lib/*' dev.syncline.example.Load \
 *       127.0.0.1:50051 nightly-1 shop 100000
 * </pre>
 *
 * The arguments are the server's address, the sync id, the table's schema and the number of
 * records. If the program or the server is stopped, run it again with the same sync id: it continues
 * after the last record that is durable.
 */
public final class Load {
  private static final String JSON_SCHEMA =
      "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},"
          + "\"name\":{\"type\":\"string\"}}}";
  private static final int BATCH_ROWS = 1000;
  /** Records that may be sent and not yet durable. */
  private static final int WINDOW_ROWS = 50000;
  private static final long RETRY_FOR_MS = 5 * 60 * 1000;

  private final Channel channel;
  private final String syncId;
  private final StreamDescriptor descriptor;
  private final long rows;
  private int attempt;
  private long deadlineMs;

  private Load(Channel channel, String syncId, String schema, long rows) {
    this.channel = channel;
    this.syncId = syncId;
    this.descriptor =
        StreamDescriptor.newBuilder().setNamespace(schema).setName("java_users").build();
    this.rows = rows;
  }

  /** The source: record i is computed from i, so that it can start anywhere. */
  private static ByteString makeBatch(long first, long end) {
    StringBuilder lines = new StringBuilder();
    for (long id = first; id < end; id++) {
      lines.append("{\"id\":").append(id).append(",\"name\":\"user ").append(id).append("\"}\n");
    }
    return ByteString.copyFromUtf8(lines.toString());
  }

  /** Returns the milliseconds to wait before the next attempt, or -1 if the error is final. */
  private static long retryDelayMs(StatusRuntimeException error, int attempt)
      throws InvalidProtocolBufferException {
    Status.Code code = error.getStatus().getCode();
    boolean retry = code == Status.Code.UNAVAILABLE;
    long delay = Math.min(100L << Math.min(attempt, 5), 3000L);
    delay = delay / 2 + ThreadLocalRandom.current().nextLong(delay / 2);
    com.google.rpc.Status status = StatusProto.fromThrowable(error);
    if (status == null || status.getDetailsCount() == 0) {
      // A connection that breaks is also reported as CANCELLED or INTERNAL, without details.
      retry |= code == Status.Code.CANCELLED || code == Status.Code.INTERNAL;
      return retry ? delay : -1;
    }
    for (Any detail : status.getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        String reason = detail.unpack(ErrorInfo.class).getReason();
        if (reason.equals("FENCED")) {
          return -1; // another process loads with this sync id
        }
        retry |= reason.equals("WRITERS_ACTIVE") || reason.equals("SWAP_LOCKED");
      } else if (detail.is(RetryInfo.class)) {
        var asked = detail.unpack(RetryInfo.class).getRetryDelay();
        retry = true;
        delay = Math.max(delay, asked.getSeconds() * 1000 + asked.getNanos() / 1_000_000);
      }
    }
    return retry ? delay : -1;
  }

  /** The answers of one call, and whether more can be sent. */
  private final class Call
      implements ClientResponseObserver<AppendRecordsRequest, AppendRecordsResponse> {
    private ClientCallStreamObserver<AppendRecordsRequest> requests;
    private long acknowledged;
    private boolean ended;
    private Throwable error;

    private Call(long durable) {
      acknowledged = durable;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<AppendRecordsRequest> stream) {
      requests = stream;
      stream.setOnReadyHandler(this::wake);
    }

    private synchronized void wake() {
      notifyAll();
    }

    @Override
    public synchronized void onNext(AppendRecordsResponse answer) {
      if (answer.getDurableOffset() > acknowledged) {
        acknowledged = answer.getDurableOffset();
        progressed();
      }
      notifyAll();
    }

    @Override
    public synchronized void onError(Throwable failure) {
      error = failure;
      ended = true;
      notifyAll();
    }

    @Override
    public synchronized void onCompleted() {
      ended = true;
      notifyAll();
    }

    /**
     * Waits until a batch that begins at `first` may be sent: the server reads, and not too much is
     * waiting to become durable. Returns false if the call has ended.
     */
    private synchronized boolean awaitRoom(long first) throws InterruptedException {
      while (!ended && (!requests.isReady() || first - acknowledged > WINDOW_ROWS)) {
        wait();
      }
      return !ended;
    }

    private synchronized void awaitEnd() throws InterruptedException {
      while (!ended) {
        wait();
      }
      if (error != null) {
        throw Status.fromThrowable(error).asRuntimeException(Status.trailersFromThrowable(error));
      }
    }
  }

  private synchronized void progressed() {
    attempt = 0;
    deadlineMs = System.currentTimeMillis() + RETRY_FOR_MS;
  }

  /** Sends the records from number `durable` on. Returns when all are durable. */
  private void send(long durable, long epoch) throws InterruptedException {
    Call call = new Call(durable);
    SyncServiceGrpc.newStub(channel).appendRecords(call);
    StreamHeader header =
        StreamHeader.newBuilder()
            .setSyncId(syncId)
            .setDescriptor(descriptor)
            .setExpectedEpoch(epoch)
            .build();
    call.requests.onNext(AppendRecordsRequest.newBuilder().setHeader(header).build());
    for (long first = durable; first < rows && call.awaitRoom(first); first += BATCH_ROWS) {
      RecordBatch batch =
          RecordBatch.newBuilder()
              .setFirstOffset(first)
              .setJsonl(makeBatch(first, Math.min(first + BATCH_ROWS, rows)))
              .build();
      call.requests.onNext(AppendRecordsRequest.newBuilder().setBatch(batch).build());
    }
    call.requests.onCompleted();
    call.awaitEnd();
  }

  /** Makes one attempt: continues where the server is, and completes the stream. */
  private CompleteStreamResponse load() throws InterruptedException {
    var service = SyncServiceGrpc.newBlockingStub(channel);
    var config =
        StreamConfig.newBuilder()
            .setDescriptor(descriptor)
            .setJsonSchema(JSON_SCHEMA)
            .setWriteMode(WriteMode.WRITE_MODE_APPEND);
    var plan =
        service
            .startSync(StartSyncRequest.newBuilder().setSyncId(syncId).addStreams(config).build())
            .getStreams(0);
    WriterPosition writer =
        plan.getWritersList().stream()
            .filter(known -> known.getWriterId().isEmpty())
            .findFirst()
            .orElse(WriterPosition.getDefaultInstance());
    if (writer.getDurableOffset() < rows) {
      send(writer.getDurableOffset(), writer.getEpoch());
    }
    // If its answer is lost, the next attempt asks again and gets the first result.
    return service.completeStream(
        CompleteStreamRequest.newBuilder()
            .setSyncId(syncId)
            .setDescriptor(descriptor)
            .setStatus(StreamStatus.STREAM_STATUS_COMPLETE)
            .setExpectedRecords(rows)
            .build());
  }

  private CompleteStreamResponse run() throws Exception {
    progressed();
    while (true) {
      try {
        return load();
      } catch (StatusRuntimeException error) {
        long delay;
        synchronized (this) {
          delay = retryDelayMs(error, attempt++);
          if (delay < 0 || System.currentTimeMillis() + delay > deadlineMs) {
            throw error;
          }
        }
        System.err.printf("next attempt in %d ms: %s%n", delay, error.getMessage());
        Thread.sleep(delay);
      }
    }
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 4) {
      System.err.println("usage: Load SERVER SYNC_ID SCHEMA ROWS");
      System.exit(2);
    }
    ManagedChannel channel =
        Grpc.newChannelBuilder(arguments[0], InsecureChannelCredentials.create()).build();
    try {
      var result =
          new Load(channel, arguments[1], arguments[2], Long.parseLong(arguments[3])).run();
      System.out.printf("%d rows, %s%n", result.getRows(), result.getOutcome());
    } finally {
      channel.shutdownNow();
    }
  }
}
