using System.Text.Json;
using Skipwise.Checkpoints;
using Skipwise.Data;
using Skipwise.Reports;
using Skipwise.Storage;
using Skipwise.Training;

namespace Skipwise.Recipes;

/// <summary>When a run saves, and whether it continues one.</summary>
public sealed record SaveOptions
{
    /// <summary>steps between checkpoints; 0 saves only the finished model</summary>
    public int Every { get; init; } = 100;
    /// <summary>checkpoints kept, the newest ones</summary>
    public int KeepLast { get; init; } = 2;
    /// <summary>continue from the newest checkpoint</summary>
    public bool Resume { get; init; }
}

/// <summary>How a run ended.</summary>
/// <param name="Completed">false when it was interrupted; it can then be resumed</param>
/// <param name="Checkpoint">where an interrupted run was saved</param>
public sealed record TrainingOutcome(bool Completed, string? Checkpoint);

/// <summary>What every verb that trains has in common: options, metrics, checkpoints, interruption, resumption.</summary>
internal static class TrainingRun
{
    /// <param name="options">the effective options; with --resume they must be those of the run that is continued</param>
    /// <param name="stop">ends the run after the step in progress, with a checkpoint</param>
    public static TrainingOutcome Run(Pretrained pretrained, IExampleSource source, TrainOptions train, object options, RunFolder folder, SaveOptions save, IProgress<StepMetrics>? progress, CancellationToken stop)
    {
        using var optimizer = new FusedAdamW(pretrained.Model, train.AdamW);
        TrainProgress start = Begin(folder, options, save, pretrained, optimizer);
        using MetricLog log = start.Step > 0
            ? MetricLog.Resume<StepMetrics>(folder.MetricsPath, metrics => metrics.Step <= start.Step)
            : MetricLog.Create(folder.MetricsPath);
        foreach (StepMetrics metrics in TrainLoop.Run(pretrained.Model, optimizer, source, train, start))
        {
            log.Append(metrics);
            progress?.Report(metrics);
            bool isLast = metrics.Step == train.Steps;
            bool interrupted = stop.IsCancellationRequested && !isLast;
            if (interrupted || (save.Every > 0 && metrics.Step % save.Every == 0 && !isLast))
            {
                string checkpoint = folder.Save(pretrained, optimizer, new TrainProgress(metrics.Step, TrainLoop.ExamplesAfter(metrics.Step, train)), save.KeepLast);
                if (interrupted)
                {
                    return new TrainingOutcome(false, checkpoint);
                }
            }
        }
        pretrained.Save(folder.Path);
        return new TrainingOutcome(true, null);
    }

    private static TrainProgress Begin(RunFolder folder, object options, SaveOptions save, Pretrained pretrained, FusedAdamW optimizer)
    {
        string text = JsonSerializer.Serialize(options, RunJson.Options) + "\n";
        bool exists = File.Exists(folder.OptionsPath);
        if (save.Resume && exists)
        {
            if (File.ReadAllText(folder.OptionsPath) != text)
            {
                throw new SkipwiseException($"{folder.OptionsPath}: this run was started with other options, so it cannot be continued with these. Repeat its options, or start a new run in another folder with --out.");
            }
            return folder.Checkpoints() is [.., string latest] ? RunFolder.Restore(latest, pretrained, optimizer) : default;
        }
        if (exists && folder.Checkpoints().Count > 0)
        {
            throw new SkipwiseException($"{folder.Path}: holds an unfinished run. Continue it with --resume, or choose another --out.");
        }
        try
        {
            Directory.CreateDirectory(folder.Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{folder.Path}: cannot be created: {e.Message}. Choose another folder with --out.", e);
        }
        AtomicFile.WriteText(folder.OptionsPath, text);
        return default;
    }
}
