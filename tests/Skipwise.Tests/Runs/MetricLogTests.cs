using Skipwise.Reports;
using Skipwise.Runs;
using Skipwise.Storage;

namespace Skipwise.Tests.Runs;

public sealed class MetricLogTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("skipwise-log").FullName;
    private string Log => Path.Combine(_folder, "metrics.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Each_record_is_on_the_disk_as_soon_as_it_is_appended()
    {
        using MetricLog log = MetricLog.Create(Log);
        log.Append(new TrainingPoint(1, 2.5, 0.001));
        Assert.Equal([new TrainingPoint(1, 2.5, 0.001)], JsonLines.Read<TrainingPoint>(Log)); // the log is still open
        log.Append(new TrainingPoint(2, double.NaN, 0.001));
        Assert.Equal("{\"step\":1,\"loss\":2.5,\"learning_rate\":0.001}\n{\"step\":2,\"loss\":\"NaN\",\"learning_rate\":0.001}\n",
            ReadShared());
        Assert.True(double.IsNaN(JsonLines.Read<TrainingPoint>(Log)[1].Loss));
    }

    [Fact]
    public void Resuming_drops_what_the_run_will_measure_again_and_a_torn_line()
    {
        File.WriteAllText(Log, """
            {"step":1,"loss":3,"learning_rate":0.1}
            {"step":2,"loss":2,"learning_rate":0.1}
            {"step":3,"loss":1,"learning_rate":0.1}
            {"step":4,"lo
            """.ReplaceLineEndings("\n"));
        using (MetricLog log = MetricLog.Resume<TrainingPoint>(Log, p => p.Step <= 2))
        {
            Assert.Equal(2, log.Lines);
            log.Append(new TrainingPoint(3, 1.5, 0.2));
            Assert.Equal(3, log.Lines);
        }
        Assert.Equal([new(1, 3, 0.1), new(2, 2, 0.1), new(3, 1.5, 0.2)], JsonLines.Read<TrainingPoint>(Log));
    }

    /// <summary>Of a file without a name nothing is left after a power failure.</summary>
    [Fact]
    public void Syncing_brings_the_lines_and_then_the_name_to_the_disk()
    {
        using MetricLog log = MetricLog.Create(Log);
        log.Append(new TrainingPoint(1, 2.5, 0.001));
        var steps = new List<string>();
        FileSystem.Before.Value = (step, at) => steps.Add($"{step} {at}");
        log.Sync();
        FileSystem.Before.Value = null;
        Assert.Equal([$"sync {Log}", $"sync {_folder}"], steps);
    }

    [Fact]
    public void Resuming_without_a_log_begins_one()
    {
        using (MetricLog log = MetricLog.Resume<TrainingPoint>(Log, _ => true))
        {
            log.Append(new TrainingPoint(1, 1, 1));
        }
        Assert.Single(JsonLines.Read<TrainingPoint>(Log));
    }

    [Fact]
    public void A_broken_line_before_the_end_is_named()
    {
        File.WriteAllText(Log, "{\"step\":1,\"loss\":3,\"learning_rate\":0.1}\nnonsense\n");
        Assert.Contains("line 2", Assert.Throws<SkipwiseException>(() => JsonLines.Read<TrainingPoint>(Log)).Message);
    }

    /// <summary>An editor may leave them; no record is lost with them.</summary>
    [Fact]
    public void Blank_lines_are_passed_over()
    {
        File.WriteAllText(Log, "\n{\"step\":1,\"loss\":3,\"learning_rate\":0.1}\n \t\r\n{\"step\":2,\"loss\":2,\"learning_rate\":0.1}\n\n");
        Assert.Equal([1, 2], JsonLines.Read<TrainingPoint>(Log).Select(point => point.Step));
    }

    [Fact]
    public void Trials_round_trip_whatever_the_model_wrote()
    {
        DemoTrial[] trials =
            [new("pose", 2048, 0.35, "01234", "01234", true), new("base", 512, 0, "99999", "a\n\"b\" </td> é 漢", false)];
        JsonLines.Write(Log, trials);
        Assert.Equal(trials, JsonLines.Read<DemoTrial>(Log));
        Assert.Equal(2, File.ReadAllLines(Log).Length);
        Assert.StartsWith("{\"variant\":\"pose\",\"length\":2048,\"depth\":0.35,\"key\":\"01234\",\"answer\":\"01234\",\"correct\":true}",
            File.ReadAllText(Log));
    }

    private string ReadShared()
    {
        using var reader = new StreamReader(new FileStream(Log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }
}
