namespace Skipwise.Kernels;

/// <summary>Factors of an AdamW step that all weights of a group share.</summary>
/// <param name="LearningRate">learning rate</param>
/// <param name="DecayFactor">1 - learning rate * weight decay: weights are multiplied by it first</param>
/// <param name="GradientScale">gradients are multiplied by it first: clipping and loss scale</param>
/// <param name="BiasCorrection1">bias correction of the first moment, 1 - beta1^t</param>
/// <param name="BiasCorrection2Sqrt">square root of the second moment's bias correction, sqrt(1 - beta2^t)</param>
internal readonly record struct AdamWStep(
    float LearningRate, float DecayFactor, float GradientScale, float BiasCorrection1, float BiasCorrection2Sqrt);
