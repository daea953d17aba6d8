import io.openlineage.client.OpenLineage;
import io.openlineage.client.OpenLineageClient;
import io.openlineage.client.transports.ApiKeyTokenProvider;
import io.openlineage.client.transports.HttpConfig;
import io.openlineage.client.transports.HttpTransport;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Sends lineage with OpenLineage's own Java client, which Spark, Flink and Trino use,
 * unmodified: plain and with gzip, a run, a job and a dataset, and an event of more
 * than 20 MB; and reads the lineage of the column back. The client throws if an answer
 * is not one of success.
 *
 * <pre>java -cp 'jars/*' Sender.java http://127.0.0.1:8420 TOKEN</pre>
 */
class Sender {
  static final OpenLineage ol = new OpenLineage(URI.create("https://example.org/conformance"));
  static final String STORE = "pg://client:5432";

  public static void main(String[] args) throws Exception {
    for (boolean packed : new boolean[] {false, true}) {
      String name = packed ? "java-gzip" : "java-plain";
      ApiKeyTokenProvider key = new ApiKeyTokenProvider();
      key.setApiKey(args[1]);
      HttpConfig config = new HttpConfig();
      config.setUrl(URI.create(args[0]));
      config.setAuth(key);
      if (packed) {
        config.setCompression(HttpConfig.Compression.GZIP);
      }
      try (OpenLineageClient client = OpenLineageClient.builder().transport(new HttpTransport(config)).build()) {
        send(client, name);
      }
      Matcher size = Pattern.compile("\"size\":(\\d+)").matcher(ask(args, "/v1/status"));
      size.find();
      String graph = ask(args, "/v1/lineage?direction=up&columns=true&node=column:pg://client:5432/" + name + ".b%23x&after=" + (Long.parseLong(size.group(1)) - 1));
      if (!graph.contains("\"from\":\"column:" + STORE + "/" + name + ".a#x\"")) {
        throw new IllegalStateException("the column does not come from the other: " + graph);
      }
      System.out.println("ok: openlineage-java, " + name);
    }
  }

  static String ask(String[] args, String path) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create(args[0] + path)).header("Authorization", "Bearer " + args[1]).build();
    return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
  }

  static void send(OpenLineageClient client, String name) {
    OpenLineage.Run run = ol.newRunBuilder().runId(UUID.randomUUID()).build();
    List<OpenLineage.InputDataset> in = List.of(ol.newInputDatasetBuilder().namespace(STORE).name(name + ".a").build());
    OpenLineage.ColumnLineageDatasetFacet columns = ol.newColumnLineageDatasetFacetBuilder()
        .fields(ol.newColumnLineageDatasetFacetFieldsBuilder()
            .put("x", ol.newColumnLineageDatasetFacetFieldsAdditionalBuilder()
                .inputFields(List.of(ol.newInputFieldBuilder().namespace(STORE).name(name + ".a").field("x").build()))
                .build())
            .build())
        .build();
    List<OpenLineage.OutputDataset> out = List.of(ol.newOutputDatasetBuilder().namespace(STORE).name(name + ".b")
        .facets(ol.newDatasetFacetsBuilder().columnLineage(columns).build()).build());
    for (OpenLineage.RunEvent.EventType state : new OpenLineage.RunEvent.EventType[] {
        OpenLineage.RunEvent.EventType.START, OpenLineage.RunEvent.EventType.RUNNING, OpenLineage.RunEvent.EventType.COMPLETE}) {
      // A plan of 23 MB: what Spark puts into an event.
      String plan = state == OpenLineage.RunEvent.EventType.RUNNING ? "SELECT a FROM b; ".repeat(23_000_000 / 17) : "insert into b select x from a";
      OpenLineage.Job job = ol.newJobBuilder().namespace("conformance").name(name)
          .facets(ol.newJobFacetsBuilder().sql(ol.newSQLJobFacetBuilder().query(plan).build()).build()).build();
      client.emit(ol.newRunEventBuilder().eventType(state).eventTime(ZonedDateTime.now()).run(run).job(job).inputs(in).outputs(out).build());
    }
    client.emit(ol.newJobEventBuilder().eventTime(ZonedDateTime.now())
        .job(ol.newJobBuilder().namespace("conformance").name(name).build()).inputs(in).outputs(out).build());
    client.emit(ol.newDatasetEventBuilder().eventTime(ZonedDateTime.now())
        .dataset(ol.newStaticDatasetBuilder().namespace(STORE).name(name + ".a").build()).build());
  }
}
