namespace Skipwise.Reports;

/// <summary>One optimizer step.</summary>
/// <param name="Step">from 1</param>
/// <param name="Loss">mean negative log-likelihood per token of the step's batch</param>
/// <param name="LearningRate">that the step used</param>
internal sealed record TrainingPoint(int Step, double Loss, double LearningRate);
