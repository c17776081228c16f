using Skipwise.Training;
using TorchSharp;
using TorchSharp.Modules;

namespace Skipwise.Runs;

/// <summary>
/// TensorBoard event files of a run's curves, derived from metrics.jsonl and evaluations.jsonl: a resumed run writes them anew, so that no
/// step appears twice.
/// </summary>
internal sealed class TensorBoardLog
{
    private readonly SummaryWriter _writer;

    /// <param name="folder">run folder</param>
    /// <param name="steps">metrics of the steps so far</param>
    /// <param name="measured">evaluation results so far</param>
    public TensorBoardLog(RunFolder folder, IEnumerable<StepMetrics> steps, IEnumerable<EvaluationPoint> measured)
    {
        folder.ClearTensorBoard();
        Directory.CreateDirectory(folder.TensorBoardPath);
        _writer = torch.utils.tensorboard.SummaryWriter(folder.TensorBoardPath);
        foreach (StepMetrics metrics in steps)
        {
            Write(metrics);
        }
        foreach (EvaluationPoint point in measured)
        {
            Write(point);
        }
    }

    public void Write(StepMetrics metrics)
    {
        _writer.add_scalar("train/loss", (float)metrics.Loss, metrics.Step);
        _writer.add_scalar("train/learning_rate", (float)metrics.LearningRate, metrics.Step);
        _writer.add_scalar("train/gradient_norm", (float)metrics.GradientNorm, metrics.Step);
        _writer.add_scalar("train/tokens_per_second", (float)metrics.TokensPerSecond, metrics.Step);
    }

    public void Write(EvaluationPoint point) =>
        _writer.add_scalar(FormattableString.Invariant($"{point.Task}/{point.Metric} at {point.Length}"), (float)point.Value, point.Step);
}
