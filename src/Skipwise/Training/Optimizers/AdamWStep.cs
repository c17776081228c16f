namespace Skipwise.Training.Optimizers;

/// <summary>What a step does to all weights of a group alike.</summary>
/// <param name="LearningRate">learning rate</param>
/// <param name="DecayFactor">what weights are multiplied with first: decay</param>
/// <param name="GradientScale">what gradients are multiplied with first: clipping</param>
/// <param name="BiasCorrection1">of its full size that the gradient's mean has after so many steps, as it began at 0</param>
/// <param name="BiasCorrection2Sqrt">the same of the root of the squares' mean</param>
internal readonly record struct AdamWStep(AdamWOptions Options, float LearningRate, float DecayFactor, float GradientScale, float BiasCorrection1, float BiasCorrection2Sqrt);
