namespace Skipwise.Kernels;

/// <summary>What an AdamW step does to all weights of a group alike.</summary>
/// <param name="LearningRate">learning rate</param>
/// <param name="DecayFactor">what weights are multiplied with first: decay</param>
/// <param name="GradientScale">what gradients are multiplied with first: clipping</param>
/// <param name="BiasCorrection1">1 - beta1^t, which undoes that the first moment began at 0</param>
/// <param name="BiasCorrection2Sqrt">sqrt(1 - beta2^t), the same for the second moment's root</param>
internal readonly record struct AdamWStep(
    float LearningRate, float DecayFactor, float GradientScale, float BiasCorrection1, float BiasCorrection2Sqrt);
